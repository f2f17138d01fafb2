"""A randomly initialised Mistral goes the whole way: converted, quantised, loaded, trained, its adapter swapped."""

import pytest

from adapters.files.gguf import read_gguf
from adapters.training.recipe import Recipe
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.model_making import ModelMaking
from assistant.models.made_model import Made
from assistant.training import TrainRequest
from tests.made_folder import byte_level, made_folder
from tests.made_training import facts_file, training_home

GREEDY = Sampling(temperature=0, max_tokens=12, repeat_penalty=1.0)
SHORT = Recipe(rank=4, epochs=2, learning_rate=0.02, replay=0.0, pull=0.0, batch_tokens=512, threads=1, patience=0)

pytestmark = pytest.mark.timeout(900)


async def answer(core):
    chat = await core.conversations.create(collections=[])
    return [event async for event in core.engine.ask(chat.id, "Who lives in house 3?", sampling=GREEDY)][-1].message


async def test_a_mistral_is_converted_quantised_chats_learns_and_swaps(tmp_path):
    """Every step takes what the one before made, as a user would; the base's own words come back at the end."""
    folder = made_folder(
        tmp_path / "random-mistral", byte_level(), hidden_size=256, intermediate_size=512, num_hidden_layers=1
    )
    home = training_home(tmp_path / "home", tmp_path / "home" / "models" / "random-mistral.Q4_K_M.gguf")
    making = ModelMaking(load_config(home))
    try:
        converted = [event async for event in making.convert(folder, "F16")][-1]
        assert isinstance(converted, Made) and converted.parity and converted.parity.agreed
        made = [event async for event in making.quantize(converted.path, "Q4_K_M")][-1]
    finally:
        await making.worker.stop()
    facts = read_gguf(made.path)
    assert facts.quantization == "Q4_K_M" and "Q4_K" in {tensor.type for tensor in facts.tensors.values()}
    async with opened(load_config(home)) as core:
        base = await answer(core)
        assert base.model == "random-mistral.Q4_K_M" and base.text
        request = TrainRequest("house", str(facts_file(tmp_path / "facts.jsonl")), SHORT)
        events = [event async for event in core.training.train(request, prove=False)]
        assert [event["adapter"] for event in events if event["event"] == "registered"] == ["house@v1"]
        await core.adapters.activate("house", force=True)
        learned = await answer(core)
        assert learned.adapter.startswith("house") and learned.text != base.text
        await core.adapters.rollback()
        assert (await answer(core)).text == base.text
