"""Are the model and the library parts of LangChain like others: invoked, streamed, with tools, and in a chain?"""

import asyncio
import importlib.util
import json
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool

from assistant.bootstrap import opened as opened_core
from assistant.config import load_config
from assistant.errors import AssistantError
from assistant.langchain import opened

EXAMPLE = Path(__file__).parents[2] / "examples" / "with_langchain.py"
LEASE = "The rent is 950 pounds a month. It is due on the first day of the month."


def scripted(home, **script):
    model = json.dumps("scripted:" + json.dumps(script))
    (home / "config.toml").write_text(f'[model]\nname = {model}\n[documents]\nembedder = "hashed"\n')


@pytest.fixture
async def library(home, tmp_path):
    (tmp_path / "lease.txt").write_text(LEASE)
    (tmp_path / "cake.txt").write_text("Whisk the eggs with the sugar.")
    async with opened_core(load_config(home)) as core:
        for name in ("lease", "cake"):
            [event async for event in core.pipeline.ingest([tmp_path / f"{name}.txt"], name)]
    return home


@tool
def calculate(expression: str) -> str:
    """Work out an expression."""
    return f"{expression} = 6"


def call(name, **arguments):
    return json.dumps({"name": name, "arguments": arguments})


def test_the_model_and_the_retriever(library):
    """Whole, streamed, stopped, asynchronous; with citations by name; passages with where they stand; our errors."""
    scripted(library, text="The rent is 950 pounds a month [1].")
    with opened(library) as local:
        model = local.chat_model(temperature=0, seed=1)
        whole = model.invoke("What is the rent?")
        assert whole.content == "The rent is 950 pounds a month [1]." and whole.usage_metadata["output_tokens"] == 8
        chunks = list(model.stream("What is the rent?"))
        assert len(chunks) > 4 and "".join(chunk.content for chunk in chunks) == whole.content
        assert model.invoke("What is the rent?", stop=["950"]).content.strip() == "The rent is"
        assert model.bind(max_tokens=2).invoke("?").response_metadata["finish_reason"] == "length"
        assert asyncio.run(model.ainvoke("What is the rent?")).content == whole.content
        stream = model.stream("What is the rent?")
        next(stream)
        stream.close()

        cited = local.chat_model("scripted@lease").invoke("What is the rent a month?")
        assert cited.response_metadata["citations"][0]["document"] == "lease.txt" and "Sources:" in cited.content
        [best] = local.retriever("lease", k=3).invoke("the rent a month")
        assert best.page_content == LEASE and best.metadata["source"].endswith("lease.txt")
        assert LEASE[best.metadata["start"] : best.metadata["end"]] == LEASE and 0 < best.metadata["score"] <= 1
        [other] = local.retriever("cake").invoke("whisk the eggs with sugar")
        assert other.metadata["document"] == "cake.txt" and local.retriever().invoke("of") == []
        with pytest.raises(AssistantError, match="no model"):
            local.chat_model("gpt-4").invoke("Hello")


def test_tools_are_called_and_their_results_read(library):
    """A call comes as LangChain's own, whole and in pieces; one that is named or required is made."""
    scripted(library, turns=[call("calculate", expression="2*3")], text="It is six.")
    with opened(library) as local:
        model = local.chat_model(temperature=0)
        for choice in ("any", "calculate", "auto", None):
            answer = model.bind_tools([calculate], tool_choice=choice).invoke("What is 2*3?")
            [made] = answer.tool_calls
            assert (made["name"], made["args"]) == ("calculate", {"expression": "2*3"})
        parts = None
        for chunk in model.bind_tools([calculate]).stream("What is 2*3?"):
            parts = chunk if parts is None else parts + chunk
        assert parts.tool_calls[0]["args"] == {"expression": "2*3"}
        result = calculate.invoke(made)
        assert isinstance(result, ToolMessage) and result.content == "2*3 = 6"
        turns = [HumanMessage("What is 2*3?"), answer, result]
        assert model.bind_tools([calculate]).invoke(turns).content == "It is six."


def test_the_example_answers_by_a_chain_and_by_an_agent(library, capsys):
    """The agent searches, calculates, and answers; a sum that is none is told to the model, and steps are bounded."""
    spec = importlib.util.spec_from_file_location("with_langchain", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    turns = [call("search_my_documents", query="the rent a month"), call("calculate", expression="950 * 12")]
    scripted(library, turns=turns, text="It is 11400 pounds a year.")
    with opened(library) as local:
        assert example.agent(local, "What is the rent a year?") == "It is 11400 pounds a year."
    scripted(library, text=call("calculate", expression="a + 1"))
    with opened(library) as local:
        assert "a + 1" in example.agent(local, "Go on and on.")
        assert capsys.readouterr().err.count("calculate(") == 1 + example.STEPS
    scripted(library)
    with opened(library) as local:
        assert example.chain(local, "What is the rent a month?") == "You asked: Question: What is the rent a month?."
