"""The child process that trains: `python -m adapters.training.worker RUNFOLDER`, one JSON event a line on stdout."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.errors import TrainingError
from adapters.offline_guard import obey_environment
from adapters.rows import Row, Turn, row_from_json
from adapters.training.recipe import Recipe, recipe_from_json

if TYPE_CHECKING:
    from adapters.training.encoding import Codec, Encoded
    from adapters.training.methods import Prepared
    from adapters.training.replay import Replay
    from adapters.training.trainer import Trainer

ENDED, FAILED = 0, 1
PR_SET_PDEATHSIG = 1
NICE = 15  # behind the chat's own processes, which run at 10
SHOWN, SHOWN_TOKENS = 3, 32  # held-out questions answered at each validation
WISHES = ("", "pause", "cancel", "finish")
STOP, CHATTING = "stop", "chatting"  # files in the run folder: what the user wants, and that a chat needs the cores


class _Stopped(Exception):
    """The user asked to stop before training began."""


class Run:
    """One run folder, from loading to the result."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
        self.base = Path(self.facts["base"])
        self.recipe: Recipe = recipe_from_json(self.facts["recipe"])
        self.device: Any = "cpu"
        self.first = int(os.environ.get("RANK", "0")) == 0
        lines = (folder / "rows.jsonl").read_text("utf-8").splitlines()
        self.rows: list[Row] = [row_from_json(json.loads(line)) for line in lines]

    def go(self) -> None:
        """Everything, in order."""
        self.phase("loading", f"Loading {self.base.name}")
        self.wish()  # sets the threads
        try:
            codec, prepared, trainer = self._set_up()
        except _Stopped as stopped:
            done = [int(path.name.removeprefix("step-")) for path in (self.folder / "checkpoints").glob("step-*")]
            self._ended(str(stopped), max(done, default=0))
            return
        self.phase("training", "Training")
        ended = trainer.run(self.agreed, lambda: self._show(prepared, codec))
        if ended != "finished":
            self._ended(ended, trainer.place.step)
        elif self.first:
            self.phase("exporting", "Writing the adapter")
            self._finish(trainer, prepared, codec)

    def _ended(self, wish: str, step: int) -> None:
        self.emit({"event": "paused" if wish == "pause" else "cancelled", "step": step})

    def emit(self, event: dict[str, Any]) -> None:
        """One line out, and the same into the run's own record."""
        if self.first:
            _say(event)
            with (self.folder / "events.jsonl").open("a", encoding="utf-8") as record:
                record.write(json.dumps(event) + "\n")

    def phase(self, name: str, text: str) -> None:
        """What is being done now."""
        self.emit({"event": "phase", "phase": name, "text": text})

    def wish(self) -> str:
        """What the user wants: one of WISHES, "" to go on. Gives the cores to a chat while one is answered."""
        import torch

        share = max(1, len(os.sched_getaffinity(0)) // self.recipe.processes)
        wanted = 1 if (self.folder / CHATTING).exists() else self.recipe.threads or share
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)
        try:
            text = (self.folder / STOP).read_text("utf-8").strip()
        except OSError:
            return ""
        return text if text in WISHES else "cancel"

    def agreed(self) -> str:
        """What the first of all processes has read as the wish: they stop at the same step, or wait for ever."""
        import torch
        from accelerate.utils import broadcast

        wanted = WISHES.index(self.wish())
        if self.recipe.processes > 1:
            wanted = int(broadcast(torch.tensor(wanted, device=self.device)))
        return WISHES[wanted]

    def _set_up(self) -> tuple[Codec, Prepared, Trainer]:
        from accelerate import Accelerator

        from adapters.training.base_weights import load_tokenizer
        from adapters.training.encoding import codec_from
        from adapters.training.methods import prepare
        from adapters.training.trainer import Trainer

        accelerator = Accelerator(cpu=not _has_gpu())
        self.device = accelerator.device
        codec = codec_from(load_tokenizer(self.base), self.facts["system_prompt"])
        train, validation = (self._encoded(codec, split) for split in ("train", "validation"))
        begin = self.folder / "begin.safetensors"
        prepared = prepare(self.base, self.recipe, accelerator.device, begin if begin.exists() else None)
        with accelerator.main_process_first():
            replay = self._replay(prepared, codec)
        if wanted := self.agreed():
            raise _Stopped(wanted)
        trainer = Trainer(
            prepared, self.recipe, train, validation, replay,
            accelerator=accelerator, folder=self.folder / "checkpoints", emit=self.emit,
        )  # fmt: skip
        return codec, prepared, trainer

    def _encoded(self, codec: Codec, split: str) -> list[Encoded]:
        """The rows of a split; of preferences and ratings, those that belong together one after the other."""
        limit = self.recipe.max_tokens
        rows = [row for row in self.rows if row.split == split]
        if self.recipe.objective == "preferences":
            pairs = [codec.encode_pair(row, limit) for row in rows if row.is_pair]
            found = [each for pair in pairs if all(each.targets for each in pair) for each in pair]
        elif self.recipe.objective == "ratings":
            found = codec.encode_rated([row for row in rows if row.desirable is not None], limit)
        else:
            found = [each for row in rows if (each := codec.encode(row, limit)).targets]
        if split == "train" and not found:
            raise TrainingError("There is no row to train on.", "Build the dataset again with more rows.")
        return found

    def _replay(self, prepared: Prepared, codec: Codec) -> Replay:
        """General rows; without replay only the held-out ones, which show what is forgotten."""
        from adapters.training.replay import replay_rows

        def told(done: int, count: int) -> None:
            self.phase("replay", f"The base answers general questions: {done} of {count}")

        cache = Path(self.facts["replay_cache"])
        return replay_rows(
            prepared.model, codec, cache, self.facts["base_sha256"], told, lambda: bool(self.wish()),
            train=self.recipe.replay > 0,
        )  # fmt: skip

    def _show(self, prepared: Prepared, codec: Codec) -> None:
        """Answers to held-out questions as the model is now."""
        from adapters.training.replay import greedy

        asked = [row for row in self.rows if row.split != "train" and row.turns][:SHOWN]
        if not asked or not self.first or prepared.soft_prompt() is not None:
            return
        prompts = [codec.prompt_ids(_before_answer(row)) for row in asked]
        answers = greedy(prepared.model, prompts, SHOWN_TOKENS)
        samples = [
            {"prompt": row.question, "expected": row.answer, "answer": codec.said(answer)}
            for row, answer in zip(asked, answers, strict=True)
        ]
        self.emit({"event": "samples", "samples": samples})

    def _finish(self, trainer: Trainer, prepared: Prepared, codec: Codec) -> None:
        from adapters.training import outcome
        from adapters.training.process_memory import memory_mb

        place = trainer.place
        asked = sorted((row for row in self.rows if row.turns), key=lambda row: row.split == "train")
        prompts = [codec.prompt_ids(_before_answer(row)) for row in asked[: outcome.PARITY_PROMPTS]]
        parity = outcome.parity_reference(self.base, prepared, self.recipe, prompts)
        result = {
            "steps": place.step, "epochs": self.recipe.passes, "seconds": round(place.seconds, 1),
            "train_loss": place.loss, "validation_loss": place.validation, "general": place.general,
            "best_step": place.best_step, "stopped_early": place.step < trainer.planned, "tokens": place.tokens,
            "tokens_per_second": place.tokens / max(place.seconds, 1e-9), "memory_mb": memory_mb(),
            "accuracy": place.accuracy, "margin": place.margin,
            "curve": place.curve, "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }  # fmt: skip
        folder = self.folder / "result"
        outcome.write(folder, prepared, self.recipe, result, parity)
        self.emit({"event": "finished", "result": {"folder": str(folder), **result}})


def _before_answer(row: Row) -> list[Turn]:
    """The turns up to the last question."""
    last = max((place for place, turn in enumerate(row.turns) if turn.role == "assistant"), default=len(row.turns))
    return list(row.turns[:last])


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _give_way() -> None:
    """Train on what others leave, be the first to go when memory is short, and end with the one that follows."""
    os.umask(0o077)
    os.nice(NICE)
    for name, value in (("oom_score_adj", "950"), ("autogroup", str(NICE))):  # nice counts within a session only
        with contextlib.suppress(OSError), open(f"/proc/self/{name}", "w") as setting:
            setting.write(value)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> int:
    """Entry point of the child; a failure is the last event, in words."""
    _give_way()
    obey_environment()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print goes to the log, never among the events
    emit: Callable[[dict[str, Any]], None] = _say
    try:
        run = Run(Path(sys.argv[1]))
        emit = run.emit
        run.go()
    except Exception as error:
        _log_frames(error)
        message, hint = _described(error)
        emit({"event": "failed", "message": message, "hint": hint})
        return FAILED
    return ENDED


def _say(event: dict[str, Any]) -> None:
    print(json.dumps(event, separators=(",", ":")), flush=True)


def _described(error: Exception) -> tuple[str, str]:
    """What went wrong and what to do, for the user."""
    if isinstance(error, TrainingError):
        return str(error), error.hint
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
        return "There was not enough memory to train.", "Choose a smaller batch (batch_tokens), or qlora."
    if isinstance(error, OSError):
        what = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."
        return what, "Check the disk's free space, then resume."
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return f"Training failed ({type(error).__name__}: {first}).", "Where it happened is in the run's log."


def _log_frames(error: BaseException) -> None:
    """Frames without values: what the rows say must not reach a log."""
    trace = error.__traceback__
    while trace is not None:
        print(f"  {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}", file=sys.stderr)
        trace = trace.tb_next
    print(type(error).__name__, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
