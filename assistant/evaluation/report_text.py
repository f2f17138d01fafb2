"""A report as Markdown, whose tables also read well in a terminal; what comes from outside is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assistant.evaluation.question import Question
from assistant.evaluation.report import WHY_TOLD, Case, Contrast, Estimate, Line, Regression, Report
from assistant.evaluation.run import Graded
from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from assistant.evaluation.retrieval import RetrievalReport

SPECIAL = re.compile(r"([\\`*_\[\]<>|!#~])")
NAMED = 10  # questions that changed, listed by id
PLAIN = ("words", "seconds")  # figures that are not shares of a hundred
SHOWN = 600  # characters of an answer


def markdown(report: Report) -> str:
    """The whole report with its worst cases."""
    run = report.run
    parts = [f"# Evaluation of {escaped(run.questions.name)}, run {run.id}", *summary(report)]
    if report.worst:
        parts += ["## Worst cases", *(_case(case, report) for case in report.worst)]
    return "\n\n".join(parts) + "\n"


def summary(report: Report) -> list[str]:
    """The report without its cases, as blocks of Markdown."""
    labels = [arm.label for arm in report.run.arms]
    blocks = [about(report), _table(["Right, by tag", *labels], map(_tag_row, report.by_tag))]
    if report.contrasts:
        first = escaped(labels[0])
        blocks += [f"## Against {first}", _table(["Right", "Difference", "Only one is right", "p", ""],
                                                 map(_contrast_row, report.contrasts))]  # fmt: skip
    blocks += ["## Why answers are wrong", _table(["", *labels, "What it means"], _reason_rows(report))]
    blocks += ["## Figures", _table(["Mean", *labels], map(_figure_row, report.figures))]
    if report.regressions:
        blocks += [f"## Against run {report.before}", *map(regression_text, report.regressions)]
    return blocks


def about(report: Report) -> str:
    """What was asked, and how."""
    run = report.run
    documents = f"{run.options['passages']} passages each" if run.options.get("documents") else "without documents"
    state = "" if run.state == "done" else f" Unfinished: {run.done:,} of {run.total:,} answers are there."
    return (
        f"{len(run.questions.questions):,} questions, {documents}, greedy, on {run.created[:10]}, "
        f"{run.seconds:,.0f} s.{state} Brackets hold 95 % intervals; p is of a sign test. Of twenty lines, one is "
        "beyond chance by chance; tags of fewer than 5 questions are not compared."
    )


def estimate_text(name: str, estimate: Estimate | None) -> str:
    """`41.7 (33.3 to 50.0)`, of a hundred; counts and seconds as they are."""
    if estimate is None:
        return "-"
    if name in PLAIN:
        return f"{estimate.mean:.1f} ({estimate.low:.1f} to {estimate.high:.1f})"
    return f"{100 * estimate.mean:.1f} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def difference_text(contrast: Contrast) -> str:
    """`+8.3 (-2.8 to +19.4)`, in points of a hundred."""
    figure = contrast.figure
    return f"{100 * figure.difference:+.1f} ({100 * figure.low:+.1f} to {100 * figure.high:+.1f})"


def p_text(p: float) -> str:
    """A p-value with three places; one that would be shown as nothing is below the last of them."""
    return f"{p:.3f}" if p >= 0.0005 else "< 0.001"


def regression_text(regression: Regression) -> str:
    """An arm against its earlier run, in one paragraph."""
    contrast = regression.contrast
    parts = [
        f"{escaped(contrast.after)}: {difference_text(contrast)} points over {contrast.figure.count:,} questions that "
        f"are the same, p {p_text(contrast.p)}: {contrast.says}."
    ]
    for what, names in (("Now wrong", regression.broken), ("Now right", regression.mended)):
        if names:
            more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
            parts.append(f"{what}: {', '.join(map(escaped, names[:NAMED]))}{more}.")
    return " ".join(parts)


def escaped(text: str) -> str:
    """`text` on one line, so that nothing in it is markup."""
    return SPECIAL.sub(r"\\\1", safe_line(" ".join(text.split())))


def unescaped(text: str) -> str:
    """Our Markdown for a terminal: without the marks that keep text from being markup."""
    return re.sub(r"\\([\\`*_\[\]<>|!#~])", r"\1", text)


def right_text(question: Question) -> str:
    """What would be right."""
    if question.unanswerable:
        return "declining: nothing answers it"
    return " / ".join(question.answers) or "what its place says"


def verdict_text(graded: Graded) -> str:
    """Right, or why not."""
    return graded.why or "right"


def _tag_row(line: Line) -> list[str]:
    count = max((each.count for each in line.estimates if each), default=0)
    return [f"{line.name} ({count:,})", *(estimate_text("right", each) for each in line.estimates)]


def _figure_row(line: Line) -> list[str]:
    return [line.name, *(estimate_text(line.name, each) for each in line.estimates)]


def _contrast_row(contrast: Contrast) -> list[str]:
    only = f"{contrast.wins:,} : {contrast.losses:,}"
    return [f"{contrast.after}, {contrast.name}", difference_text(contrast), only, p_text(contrast.p), contrast.says]


def _reason_rows(report: Report) -> Iterator[list[str]]:
    for why, told in WHY_TOLD.items():
        counts = [found.get(why, 0) for found in report.outcomes]
        if any(counts):
            yield [why, *(f"{count:,}" for count in counts), told]


def _table(header: Sequence[str], rows: Iterator[list[str]] | map[list[str]]) -> str:
    """A table whose columns stand below each other."""
    lines = [[escaped(cell) for cell in row] for row in (header, *rows)]
    if len(lines) == 1:
        return "None."
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    shown = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([shown[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *shown[1:]])


def _case(case: Case, report: Report) -> str:
    question = case.question
    lines = [f"**{escaped(question.question)}** ({escaped(question.id)})", f"Right: {escaped(right_text(question))}"]
    lines += [f"In {escaped(place.label)}: {escaped(place.quote)}" for place in question.gold]
    for arm, graded in zip(report.run.arms, case.answers, strict=True):
        said = escaped(graded.answer.text or graded.answer.error)[:SHOWN]
        lines.append(f"- {escaped(arm.label)}, {verdict_text(graded)}: {said}")
    return "\n".join([lines[0], "", *lines[1:]])


def retrieval_lines(found: RetrievalReport) -> list[str]:
    """What the search finds, for a terminal."""
    lines = [f"{found.name}: its places among the first {found.k} passages; an answer gets {found.given}.", ""]
    lines += [f"{line.name:<12} {estimate_text(line.name, line.estimates[0])}" for line in found.figures]
    lines += ["", f"recall@{found.given} by tag"]
    for line in found.by_tag:
        count = line.estimates[0].count if line.estimates[0] else 0
        lines.append(f"  {line.name} ({count:,})  {estimate_text(line.name, line.estimates[0])}")
    if found.unanswerable:
        told = f"{found.silent:,} of {found.unanswerable:,} questions that nothing answers"
        lines += ["", f"Nothing was found, as it should be, for {told}."]
    lines += ["", f"Not given to the model: {len(found.misses):,}"] if found.misses else []
    for miss in found.misses:
        instead = ", ".join(dict.fromkeys(passage.document for passage in miss.passages[: found.given])) or "nothing"
        rank = f"at rank {miss.score.found[0]}" if miss.score.found else f"not among {found.k}"
        places = ", ".join(place.label for place in miss.question.gold)
        lines.append(f"  {miss.question.id}  {miss.question.question}  ({places}: {rank}; found: {instead})")
    return lines
