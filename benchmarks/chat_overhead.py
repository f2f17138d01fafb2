"""What do the child process, the pipes and our own chat code cost, beside bare llama-cpp-python?

The same ten-turn chat runs turn by turn through both, greedy, with the same threads and context, in
one run and in changing order, so that whatever else the machine does falls on both alike. After each
turn the plain binding also evaluates just the turn's new tokens: the least a first token can cost.

    python benchmarks/chat_overhead.py [--model PATH] [--rounds 3] [--tokens 64] [--threads N]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from assistant.models.location import STARTER, resolve_model  # noqa: E402 - the repository has to be importable first
from assistant.worker_process import WorkerProcess  # noqa: E402

SYSTEM = "You are a patient guide who answers in full sentences and explains every step."
QUESTIONS = [
    "How does a lighthouse work?",
    "Who used to look after one, and what did a day there look like?",
    "Which lamps were used before electricity?",
    "Explain how a lens gathers the light.",
    "How far out at sea can the beam be seen, and why not farther?",
    "What happens in fog?",
    "How do captains tell two lighthouses apart?",
    "Why were so many of them painted in stripes?",
    "What has satellite navigation changed?",
    "Write a short farewell to the last keeper.",
]
Message = dict[str, str]


@dataclass(frozen=True)
class Turn:
    """One answer: its text, seconds to its first piece, and tokens a second after it."""

    text: str
    first: float
    rate: float
    new_tokens: int = 0
    cached_tokens: int = 0


async def through_child(worker: WorkerProcess, chat: list[Message], tokens: int) -> Turn:
    """A turn as the assistant runs it."""
    sampling = {"temperature": 0.0, "repeat_penalty": 1.0, "max_tokens": tokens}
    started, first, text, done = time.perf_counter(), 0.0, "", {}
    async for reply in worker.stream("complete", messages=chat, sampling=sampling):
        if not reply.last and "text" in reply.data:
            first = first or time.perf_counter()
            text += reply.data["text"]
        elif not reply.last:
            done, ended = reply.data["done"], time.perf_counter()
    rate = (done["completion_tokens"] - 1) / (ended - first)
    return Turn(text, first - started, rate, done["prompt_tokens"] - done["cached_tokens"], done["cached_tokens"])


def through_binding(model: llama_cpp.Llama, chat: list[Message], tokens: int) -> Turn:
    """The same turn through `Llama.create_chat_completion`; its chunks are its tokens."""
    started, first, count, text = time.perf_counter(), 0.0, 0, ""
    stream: Any = model.create_chat_completion(
        chat,
        stream=True,
        temperature=0.0,
        repeat_penalty=1.0,
        max_tokens=tokens,  # type: ignore[arg-type]  # plain dicts do
    )
    for chunk in stream:
        piece = chunk["choices"][0]["delta"].get("content")
        if piece:
            first = first or time.perf_counter()
            count += 1
            text += piece
    return Turn(text, first - started, (count - 1) / (time.perf_counter() - first))


def least_first_token(model: llama_cpp.Llama, chat: list[Message], cached: int) -> float:
    """Seconds the plain binding needs to evaluate the prompt's tokens after the first `cached` ones.

    Its cache is put back afterwards, so that its own next turn finds its answer there.
    """
    formatter = Jinja2ChatFormatter(model.metadata["tokenizer.chat_template"], "", "")
    prompt = formatter(messages=chat).prompt  # type: ignore[arg-type]  # plain dicts do
    new = model.tokenize(prompt.encode(), add_bos=False, special=True)[cached:]
    answered = [int(token) for token in model.input_ids[cached + len(new) : model.n_tokens]]
    model.n_tokens = cached
    started = time.perf_counter()
    model.eval(new)
    seconds = time.perf_counter() - started
    model.eval(answered)
    return seconds


async def one_chat(
    worker: WorkerProcess, model: llama_cpp.Llama, tokens: int, child_first: bool
) -> list[tuple[Turn, Turn, float]]:
    """Ten turns through both; the history is the child's, so both read the same."""
    chat: list[Message] = [{"role": "system", "content": SYSTEM}]
    turns = []
    for number, question in enumerate(QUESTIONS):
        chat.append({"role": "user", "content": question})
        if (number % 2 == 0) == child_first:
            ours = await through_child(worker, chat, tokens)
            bare = await asyncio.to_thread(through_binding, model, chat, tokens)
        else:
            bare = await asyncio.to_thread(through_binding, model, chat, tokens)
            ours = await through_child(worker, chat, tokens)
        turns.append((ours, bare, await asyncio.to_thread(least_first_token, model, chat, ours.cached_tokens)))
        chat.append({"role": "assistant", "content": ours.text})
    return turns


def same_priority(worker: WorkerProcess) -> None:
    """Other programs must slow both alike: a child is niced, so undo that, or be as nice."""
    try:
        os.setpriority(os.PRIO_PROCESS, worker.pid or 0, os.getpriority(os.PRIO_PROCESS, 0))
    except PermissionError:
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, worker.pid or 0))


async def main() -> None:
    """Run the chats and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--model", default=STARTER)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=max(1, cores - 1))
    parser.add_argument("--batch-threads", type=int, default=cores)
    parser.add_argument("--no-flash", dest="flash", action="store_false", help="the binding's own default")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        worker = WorkerProcess("model", {}, Path(folder))
        await worker.start()
        same_priority(worker)
        await worker.call(
            "load", model=asked.model, context=asked.context, threads=asked.threads, batch_threads=asked.batch_threads
        )
        model = llama_cpp.Llama(
            str(resolve_model(asked.model)), n_ctx=asked.context, n_threads=asked.threads,
            n_threads_batch=asked.batch_threads, flash_attn=asked.flash, verbose=False,
        )  # fmt: skip
        await one_chat(worker, model, 4, True)  # warm both up
        rounds = [await one_chat(worker, model, asked.tokens, number % 2 == 0) for number in range(asked.rounds)]
        await worker.stop()
        model.close()
    report(rounds, asked)


def report(rounds: list[list[tuple[Turn, Turn, float]]], asked: argparse.Namespace) -> None:
    """Medians over the rounds, turn by turn."""
    print(f"\n{asked.model}, {asked.rounds} x 10 turns of {asked.tokens} tokens, {asked.threads} threads to generate,")
    print(f"{asked.batch_threads} for prompts; median of the rounds.\n")
    columns = (
        "turn", "cached", "new", "tok/s child", "tok/s bare", "ratio",
        "first token, ms", "new tokens only, ms", "ratio", "first token bare, ms",
    )  # fmt: skip
    print(f"| {' | '.join(columns)} |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    middle = statistics.median
    for number, same in enumerate(zip(*rounds, strict=True), 1):
        ours, bare, least = zip(*same, strict=True)
        speed = middle(turn.rate for turn in ours), middle(turn.rate for turn in bare)
        first, low = middle(turn.first for turn in ours), middle(least)
        print(
            f"| {number} | {ours[0].cached_tokens} | {ours[0].new_tokens} | {speed[0]:.1f} | {speed[1]:.1f} "
            f"| {speed[0] / speed[1]:.3f} | {first * 1000:.1f} | {low * 1000:.1f} | {first / low:.2f} "
            f"| {middle(turn.first for turn in bare) * 1000:.1f} |"
        )
    turns = [turn for chat in rounds for turn in chat]
    rates = [ours.rate / bare.rate for ours, bare, _ in turns]
    tenth = [chat[-1][0].first / chat[-1][2] for chat in rounds]
    later = [ours.first / least for chat in rounds for ours, _, least in chat[1:]]
    same_text = sum(ours.text == bare.text for ours, bare, _ in turns)
    print(f"\nGeneration rate, child / bare: median {middle(rates):.3f} (target >= 0.97).")
    print(f"First token of the tenth turn / evaluating only its new tokens: {middle(tenth):.2f} (target <= 1.2);")
    print(f"of turns 2 to 10: median {middle(later):.2f}. Same text in {same_text} of {len(turns)} turns.")


if __name__ == "__main__":
    asyncio.run(main())
