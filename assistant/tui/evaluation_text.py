"""A report, a set and a case as the screen shows them, in eighty columns."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from assistant.evaluation.question import QuestionSet
from assistant.evaluation.report import WHY_TOLD, Case, Contrast, Estimate, Report
from assistant.evaluation.report_text import difference_text, estimate_text, p_text, right_text, verdict_text
from assistant.safe_text import safe_line, safe_text

COLOURS = {"better": "$text-success", "worse": "$text-error", "right": "$text-success"}
SHOWN = 1_500  # characters of an answer
NAMED = 8  # questions that changed, by id
BAR = 20  # cells


def report_content(report: Report) -> Content:
    """Right by tag, differences, regressions, why answers are wrong, all figures."""
    labels = [safe_line(arm.label) for arm in report.run.arms]
    parts: list[str | tuple[str, str] | Content] = [_about(report), "\n\n"]
    parts += [_table("Right", labels, [(_counted(line.name, line.estimates), *_shown("right", line.estimates))
                                       for line in report.by_tag])]  # fmt: skip
    if report.contrasts:
        parts += ["\n\n", ("Against ", "bold"), (labels[0], "bold")]
        parts += [part for each in report.contrasts for part in ("\n", _contrast(each))]
    for regression in report.regressions:
        parts += ["\n\n", (f"Against run {report.before}", "bold"), "\n", _contrast(regression.contrast)]
        for what, names in (("now wrong", regression.broken), ("now right", regression.mended)):
            more = ", …" if len(names) > NAMED else ""
            parts += [f"\n  {what}: {safe_line(', '.join(names[:NAMED]))}{more}"] if names else []
    parts += ["\n\n", _outcomes(report, labels)]
    figures = [(line.name, *_shown(line.name, line.estimates)) for line in report.figures]
    parts += ["\n\n", _table("Means", labels, figures)]
    return Content.assemble(*parts)


def case_content(case: Case, labels: Sequence[str]) -> Content:
    """A question with what is right, and what each arm said."""
    question = case.question
    parts: list[str | tuple[str, str]] = [
        (safe_line(question.question), "bold"), f"\nRight: {safe_text(right_text(question))}"
    ]  # fmt: skip
    parts += [f"\nIn {safe_line(place.label)}: “{safe_line(place.quote)}”" for place in question.gold]
    for label, graded in zip(labels, case.answers, strict=True):
        verdict = verdict_text(graded)
        said = safe_text(graded.answer.text or graded.answer.error or "(nothing)")[:SHOWN]
        parts += ["\n\n", (f"{safe_line(label)}: {verdict}", COLOURS.get(verdict, "$text-warning")), f"\n{said}"]
        parts += [(f"\n{safe_line(graded.answer.trace)}", "$foreground 60%")] if graded.answer.trace else []
    return Content.assemble(*parts)


def set_content(questions: QuestionSet, told: str) -> Content:
    """What is in a set: how many of what, its tags, its first questions."""
    rows = questions.questions
    placed, unanswerable = sum(bool(each.gold) for each in rows), sum(each.unanswerable for each in rows)
    counts = f"{len(rows):,} question{'s' * (len(rows) != 1)}, {placed:,} with their place in a document, "
    counts += f"{unanswerable:,} that nothing answers"
    parts: list[str | tuple[str, str]] = [(safe_line(questions.name), "bold"), f"  {counts}\n"]
    parts += [(f"{safe_line(', '.join(questions.tags))}\n", "$foreground 60%")] if questions.tags else []
    parts += [(f"{safe_text(told)}\n", "$text-accent")] if told else []
    for each in rows:
        parts += [f"\n{safe_line(each.question)}\n", (f"  {safe_line(right_text(each))}", "$foreground 60%")]
    return Content.assemble(*parts)


def _about(report: Report) -> str:
    run = report.run
    documents = f"{run.options['passages']} passages each" if run.options.get("documents") else "without documents"
    state = "" if run.state == "done" else f", unfinished: {run.done:,} of {run.total:,} answers"
    return safe_line(
        f"{run.questions.name}, run {run.id}: {len(run.questions.questions):,} questions, {documents}, "
        f"{run.seconds:,.0f} s{state}"
    )


def _counted(name: str, estimates: Sequence[Estimate | None]) -> str:
    return f"{safe_line(name)} ({max((each.count for each in estimates if each), default=0):,})"


def _shown(name: str, estimates: Sequence[Estimate | None]) -> list[str]:
    return [estimate_text(name, each) for each in estimates]


def _table(title: str, labels: Sequence[str], rows: Sequence[Sequence[str]]) -> Content:
    """Columns below each other, the title above the first."""
    lines = [(title, *labels), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(labels) + 1)]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return Content("\n").join([Content.styled(texts[0], "bold"), *map(Content, texts[1:])])


def _contrast(contrast: Contrast) -> Content:
    name = f"{contrast.after}, {contrast.name}"
    told = f"{safe_line(name)}: {difference_text(contrast)}, only one right {contrast.wins}:{contrast.losses}, "
    return Content.assemble(told, f"p {p_text(contrast.p)}: ", (contrast.says, COLOURS.get(contrast.says, "dim")))


def _outcomes(report: Report, labels: Sequence[str]) -> Content:
    """How many are right, and wrong for each reason, as numbers and bars."""
    parts: list[str | tuple[str, str]] = [("Why answers are wrong", "bold")]
    for label, found in zip(labels, report.outcomes, strict=True):
        total = max(sum(found.values()), 1)
        parts.append(f"\n{label}: {found.get('right', 0):,} of {sum(found.values()):,} right")
        for why in WHY_TOLD:
            if count := found.get(why, 0):
                bar = "█" * max(1, round(BAR * count / total))
                parts += [f"\n  {count:>4} {why:<21}", (bar, "$text-warning")]
    for why, told in WHY_TOLD.items():
        if any(found.get(why) for found in report.outcomes):
            parts.append((f"\n{why}: {told}", "$foreground 60%"))
    return Content.assemble(*parts)
