"""What the shell prints of a training: the plan's table, a live line, sample answers, the verdict."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from adapters.training.estimate import Estimate, gigabytes
from adapters.training.runs import RunSummary
from assistant.output import say
from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from assistant.training import Plan

SAMPLE = 70  # characters of an answer
ENDS = ("paused", "cancelled", "failed")


class Report:
    """Takes events, prints them, and remembers what came of them."""

    def __init__(self, as_json: bool, run: str = "") -> None:
        self.run, self.adapter, self.decision = run, "", ""
        self.state = "running"
        self.training = True  # not yet trained: what is interrupted now can be resumed
        self.failure = ("", "")
        self.result: dict[str, Any] = {}
        self.promotable: dict[str, Any] = {}  # the event `judged` of an adapter that may be put on
        self._json = as_json
        self._last = ""
        self._live = sys.stderr.isatty() and not as_json
        self._line = False

    def show(self, event: dict[str, Any]) -> None:
        """One event."""
        if self._json:
            _print(event)
        handler = getattr(self, f"_{event['event']}", None)
        if handler is not None:
            handler(event)

    def told(self, text: str) -> None:
        """A line for a person."""
        if not self._json:
            self.line_done()
            say(text)

    def line_done(self) -> None:
        """Leave the live line."""
        if self._line:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._line = False

    def end(self) -> None:
        """The result, which is the last line of --json."""
        self.line_done()
        if self._json:
            _print({
                "event": "result", "state": self.state, "run": self.run, "adapter": self.adapter,
                "decision": self.decision, **self.result,
            })  # fmt: skip

    def _prepared(self, event: dict[str, Any]) -> None:
        self.run = event["run"]
        self.told(f"Run {self.run} on the dataset {safe_line(event['dataset'])}; Ctrl-C pauses it.")

    def _phase(self, event: dict[str, Any]) -> None:
        self._now(event["text"])

    def _started(self, event: dict[str, Any]) -> None:
        what = {"preferences": "pairs", "ratings": "ratings"}.get(event.get("objective", ""), "rows")
        share = 100 * event["trainable"] / max(1, event["parameters"])
        self.told(
            f"{event['rows']:,} {what}, {event['tokens']:,} tokens, {event['replay']:,} general prompts; "
            f"{event['trainable']:,} numbers are trained ({share:.2g} % of {event['parameters']:,})."
        )

    def _step(self, event: dict[str, Any]) -> None:
        self._now(
            f"step {event['step']:,} of {event['steps']:,} · loss {event['loss']:.3f}{self._last} · "
            f"{event['tokens_per_second']:.0f} tokens/s · {duration(event['seconds_left'])} left"
        )

    def _held(self, event: dict[str, Any]) -> str:
        loss, general = event.get("loss"), event.get("general")
        held = f"validation loss {loss:.3f}" if loss is not None else "nothing held out"
        if event.get("accuracy") is not None:
            held += f", {event['accuracy']:.0%} of pairs won, margin {event['margin']:+.2f}"
        moved = f", distance to the base {general:.4f}" if general is not None else ""
        return f"{held}{moved}"

    def _samples(self, event: dict[str, Any]) -> None:
        for sample in event["samples"]:
            question, answer, expected = (_short(sample[key]) for key in ("prompt", "answer", "expected"))
            self.told(f"    {question} -> {answer}  (expected: {expected})")

    def _paused(self, event: dict[str, Any]) -> None:
        self.state = "paused"

    def _cancelled(self, event: dict[str, Any]) -> None:
        self.state = "cancelled"

    def _failed(self, event: dict[str, Any]) -> None:
        self.state = "failed"
        self.failure = (str(event.get("message", "")), str(event.get("hint", "")))

    def _finished(self, event: dict[str, Any]) -> None:
        self.training, self.state = False, "finished"
        result = self.result["result"] = event["result"]
        early = f", stopped early, best at {result['best_step']:,}" if result.get("stopped_early") else ""
        self.told(
            f"Trained in {duration(result['seconds'])}: {result['steps']:,} steps{early}, "
            f"{result['tokens_per_second']:.0f} tokens/s, {result['memory_mb']:,} MB."
        )

    def _registered(self, event: dict[str, Any]) -> None:
        self.training, self.state, self.adapter = False, "finished", event["adapter"]
        self.result["path"] = event["path"]
        use = {
            "lora": f"assistant adapters activate {self.adapter}",
            "model": f"load it in the chat with /model {event['path']}",
            "prompt": "it runs on the transformers engine only, not in the chat",
        }[event["kind"]]  # fmt: skip
        self.told(f"{self.adapter} is registered: {use}")

    def _proving(self, event: dict[str, Any]) -> None:
        left = f" · {duration(event['seconds_left'])} left" if event["seconds_left"] else ""
        self._now(f"proving ({event['phase']}): {event['done']:,} of {event['total']:,}{left}")

    def _verdict(self, event: dict[str, Any]) -> None:
        from adapters.proof.evaluation import evaluation_from_json
        from assistant.commands.adapters import say_report

        self.decision = event["decision"]
        self.result |= {"reason": event["reason"], "evaluation": event["evaluation"]}
        if not self._json:
            self.line_done()
            say_report(evaluation_from_json(event["evaluation"]))

    def _compared(self, event: dict[str, Any]) -> None:
        from adapters.proof.evaluation import evaluation_from_json
        from assistant.commands.adapters import say_report

        self.result["compared"] = event["evaluation"]
        if not self._json:
            self.line_done()
            say(f"Beside what is on ({safe_line(event['current'])}):")
            say_report(evaluation_from_json(event["evaluation"]))

    def _set(self, event: dict[str, Any]) -> None:
        self.result.setdefault("sets", []).append({name: event[name] for name in ("name", "run", "worse")})
        self.told(f"Evaluation set {event['line']}")

    def _judged(self, event: dict[str, Any]) -> None:
        self.training, self.state, self.adapter = False, "finished", event["adapter"]
        self.decision = event["decision"]
        self.result["reason"] = event["reason"]
        self.promotable = event if event["promotable"] else {}

    def _validation(self, event: dict[str, Any]) -> None:
        self._last = f" · {self._held(event)}"
        best = " (best)" if event.get("best") else ""
        self.told(f"  step {event['step']:,}: {self._held(event)}{best}")

    def _now(self, text: str) -> None:
        """The live line, on a terminal that is looked at."""
        if self._live:
            print(f"\r\x1b[K{safe_line(text)[:150]}", end="", file=sys.stderr, flush=True)
            self._line = True


def say_plan(plan: Plan) -> None:
    """The table of all methods, the router's advice, the warnings."""
    rows = ", ".join(f"{count:,} {name}" for name, count in plan.rows.items())
    say(f"{plan.name}: {plan.dataset} ({rows}; {plan.tokens:,} tokens) on {safe_line(plan.base.stem)}")
    if plan.learns:
        say(f"  {plan.learns}")
    for sentence in plan.advice.sentences:
        say(f"  {safe_line(sentence)}")
    for warning in plan.warnings:
        say(f"! {safe_line(warning)}")
    say(f"  {'method':<9}{'trained':>14}{'weights':>9}{'grads':>9}{'optim.':>9}{'activ.':>9}"
        f"{'memory':>9}{'disk':>9}{'time':>9}")  # fmt: skip
    for entry in plan.table:
        say(_estimate_line(entry, entry.method == plan.recipe.method))


def _estimate_line(entry: Estimate, chosen: bool) -> str:
    sizes = (entry.weights, entry.gradients, entry.optimizer, entry.activations, entry.memory, entry.disk)
    cells = "".join(f"{gigabytes(size):>9}" for size in sizes)
    mark = "*" if chosen else " "
    why = f"  {entry.refusal}" if entry.refusal else ""
    return f"{mark} {entry.method:<9}{entry.trainable:>14,}{cells}{duration(entry.seconds):>9}{why}"


def say_run(run: RunSummary) -> None:
    """One line of the list of runs."""
    last = run.last
    place = f"step {last['step']:,}" if "step" in last else ""
    loss = f", loss {last['loss']:.3f}" if isinstance(last.get("loss"), float) else ""
    result = last.get("result") or {}
    if result:
        place, loss = f"{result['steps']:,} steps", f", loss {result['train_loss']:.3f}"
    dataset, method = safe_line(str(run.facts.get("dataset", ""))), run.facts.get("recipe", {}).get("method", "")
    say(f"{run.id}  {run.state:<11} {method:<7} on {dataset}  {place}{loss}")


def duration(seconds: float) -> str:
    """Seconds as people read them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _short(text: str) -> str:
    line = safe_line(str(text))
    return line if len(line) <= SAMPLE else f"{line[: SAMPLE - 1]}…"


def _print(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)
