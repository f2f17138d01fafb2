"""How is a run told while it goes on, and when it has ended: its head, its sample answers, its result?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.content import Content

from assistant.safe_text import safe_line, safe_text
from assistant.tui.recipe_text import count
from assistant.tui.training_watch import Watch, duration

STATES = {
    "running": ("▶ training", "$text-accent"), "proving": ("▶ proving", "$text-accent"),
    "paused": ("‖ paused", "$text-warning"), "interrupted": ("‖ interrupted", "$text-warning"),
    "cancelled": ("■ cancelled", "$text-muted"), "failed": ("✘ failed", "$text-error"),
    "finished": ("✔ finished", "$text-success"),
}  # fmt: skip
NOTHING = """Nothing is being trained.

1 Data: choose or build a dataset · 2 Recipe: look at what it needs, F5 starts · 4 Runs: earlier ones"""
LONGEST = 240  # characters of an answer
BAR_ROOM = 30  # columns of the head that the bar leaves

AFTER = "   {train.progress.activate}  activate   {train.progress.discard}  discard   {app.adapters}  adapters"


def head_content(watch: Watch | None, width: int) -> Content:
    """State, progress bar, figures: three lines."""
    if watch is None:
        return Content.styled(NOTHING, "$text-muted")
    mark, style = STATES.get(watch.state, (watch.state, ""))
    size = max(10, min(60, width - BAR_ROOM - len(watch.name)))
    filled = round(watch.share * size)
    bar = Content.assemble(("━" * filled, "$accent"), ("─" * (size - filled), "$foreground 30%"), f" {watch.share:.0%}")
    lines = [Content.assemble((safe_line(watch.name), "bold"), "  ", (mark, f"bold {style}"), "  ", bar)]
    lines.append(Content(_figures(watch)))
    lines.append(Content.styled(_memory(watch), "$text-muted"))
    return Content("\n").join(lines)


def _figures(watch: Watch) -> str:
    if watch.state == "proving":
        left = f" · {duration(watch.seconds_left)} left" if watch.seconds_left else ""
        return f"{watch.adapter}: {watch.doing}, {watch.proof[0]:,} of {watch.proof[1]:,} questions{left}"
    if not watch.step:
        return safe_line(watch.doing)
    parts = [f"step {watch.step:,}/{watch.steps:,}", f"epoch {watch.epoch:.1f}/{watch.epochs:g}"]
    parts += [f"loss {watch.loss:.3f}"] if watch.loss is not None else []
    parts += [f"rate {watch.learning_rate:.1e}"] if watch.learning_rate else []
    parts += [f"{watch.tokens_per_second:,.0f} tok/s"] if watch.tokens_per_second else []
    live = watch.state == "running" and watch.seconds_left is not None
    parts += [f"{duration(watch.seconds_left or 0)} left"] if live else []
    return " · ".join(parts)


def _memory(watch: Watch) -> str:
    parts = [watch.doing] if watch.step and watch.doing not in ("training", watch.state) else []
    parts += [pairs_won(watch.accuracy, watch.margin)] if watch.accuracy is not None else []
    parts += [f"{watch.memory_mb:,.0f} MB"] if watch.memory_mb else []
    parts += [f"{count(watch.trainable)} of {count(watch.parameters)} parameters"] if watch.trainable else []
    parts += [f"best at step {watch.best_step:,}"] if watch.best_step is not None else []
    parts += [f"checkpoint at {watch.checkpoint:,}"] if watch.checkpoint is not None else []
    return " · ".join(parts)


def pairs_won(accuracy: float, margin: float | None) -> str:
    """`83% of pairs won, margin +0.41`: held-out ones, by implicit reward."""
    return f"{accuracy:.0%} of pairs won, margin {margin or 0.0:+.2f}"


def samples_content(watch: Watch) -> Content:
    """The answers to the held-out prompts at each checkpoint, the newest first."""
    lines: list[Content] = []
    for step, samples in reversed(watch.samples):
        lines.append(Content.styled(f"answers at step {step:,}", "bold"))
        for sample in samples:
            lines.append(Content.styled(f"? {_short(sample.get('prompt'))}", "$text-muted"))
            lines.append(Content.assemble(("  wanted  ", "$text-muted"), _short(sample.get("expected"))))
            lines.append(Content.assemble(("  says    ", "$text-muted"), _short(sample.get("answer"))))
    return Content("\n").join(lines)


def result_content(watch: Watch, keys: Callable[[str], str]) -> Content:
    """How it ended, and what can be done now; `keys` puts them in, as keys.with_keys."""
    lines: list[Content] = []
    if watch.problem:
        lines.append(Content.styled(safe_text(watch.problem), "$text-error"))
    if watch.result:
        lines.append(Content.styled(_result(watch.result), "$text-muted"))
    if watch.adapter and watch.state == "finished":
        lines.append(Content.assemble((safe_line(watch.adapter), "bold"), keys(AFTER)))
    elif watch.state in ("paused", "interrupted", "cancelled", "failed"):
        lines.append(Content(keys("{train.start}  go on from the newest checkpoint")))
    return Content("\n").join(lines)


def _result(result: dict[str, Any]) -> str:
    parts = [f"{result.get('steps', 0):,} steps in {duration(float(result.get('seconds') or 0))}"]
    for name, told in (("train_loss", "loss"), ("validation_loss", "validation"), ("general", "general distance")):
        if isinstance(value := result.get(name), int | float):
            parts.append(f"{told} {value:.3f}")
    parts += [pairs_won(result["accuracy"], result.get("margin"))] if result.get("accuracy") is not None else []
    parts += [f"best at step {result['best_step']:,}"] if result.get("best_step") else []
    parts += ["stopped early"] if result.get("stopped_early") else []
    return " · ".join(parts)


def _short(text: Any) -> str:
    line = safe_line(" ".join(str(text or "").split()))
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
