"""Will it fit, told in lines for the shell and the screen."""

from __future__ import annotations

from assistant.models.fit import EXAMPLE, STORED, TRAINED, Fit, Running
from assistant.models.memory import gigabytes


def fit_lines(fit: Fit) -> list[str]:
    """Verdict, table of running, table of training, and the arithmetic people are taught; at most 77 columns."""
    return [*verdict_lines(fit), "", *_running(fit), "", *_training(fit), "", *_taught(fit)]


def verdict_lines(fit: Fit) -> list[str]:
    """The verdict with its margin, and what would fit where it does not."""
    total, margin = fit.asked.need.total, fit.free - fit.asked.need.total
    spare = f"{gigabytes(margin)} to spare" if margin >= 0 else f"{gigabytes(-margin)} short"
    lines = [
        f"{fit.name}: {fit.verdict}.",
        f"A context of {fit.asked.context:,} tokens needs {gigabytes(total)}; {gigabytes(fit.free)} are free, {spare}.",
    ]
    if fit.verdict == "tight":
        lines.append("The estimate may be a tenth off, and less than that is to spare.")
    if fit.verdict == "too large" and fit.largest:
        lines.append(f"A context of {fit.largest:,} tokens would fit.")
    elif fit.verdict == "too large":
        lines.append("No context is short enough: a smaller model or quantization is needed.")
    if fit.gpu:
        where = "as it needs" if fit.asked.need.total <= fit.gpu_free else "less than it needs"
        lines.append(f"{fit.gpu}: {gigabytes(fit.gpu_free)} free, {where} if llama.cpp is built for it.")
    return lines


def _running(fit: Fit) -> list[str]:
    head = f"{'running, context':<16}{'weights':>8}{'repacked':>9}{'cache':>8}{'batch':>8}{'process':>8}{'needs':>8}"
    rows = [_row(each, fit.free) for each in sorted((fit.asked, *fit.others), key=lambda each: each.context)]
    return [head, *rows]


def _row(each: Running, free: int) -> str:
    needed = each.need
    sizes = (needed.weights, needed.repacked, needed.cache, needed.compute, needed.process, needed.total)
    widths = (8, 9, 8, 8, 8, 8)
    told = "".join(f"{gigabytes(size):>{width}}" for size, width in zip(sizes, widths, strict=True))
    return f"{each.context:>14,}  {told} {needed.verdict(free)}"


def _training(fit: Fit) -> list[str]:
    if fit.untrainable:
        return [f"Training: {fit.untrainable}"]
    head = f"{'training, base':<16}{'weights':>8}{'gradient':>9}{'AdamW':>8}{'activ.':>8}{'rest':>8}{'needs':>8}"
    lines = [head]
    for precision, each in fit.training:
        sizes = (each.weights, each.gradients, each.optimizer, each.activations, each.process, each.memory)
        widths = (8, 9, 8, 8, 8, 8)
        told = "".join(f"{gigabytes(size):>{width}}" for size, width in zip(sizes, widths, strict=True))
        lines.append(f"{each.method + ' ' + precision:<16}{told} {'too large' if each.refusal else 'fits'}")
    return [*lines, f"(rows of at most {EXAMPLE.longest} tokens; the plan of a training tells it for yours)"]


def _taught(fit: Fit) -> list[str]:
    stored = ", ".join(f"{kind} {gigabytes(round(fit.taught[kind]))}" for kind in STORED)
    parts = ", ".join(f"{each} {what}" for what, each in TRAINED.items())
    total = sum(TRAINED.values())
    return [
        f"By rule of thumb, {fit.parameters / 1e9:,.2f} billion parameters take to store:",
        f"  {stored};",
        f"and to train in full in fp32 {gigabytes(round(fit.taught['training']))} ({total} GB for a billion of them):",
        f"  {total} bytes each: {parts}.",
    ]
