"""The outcome of the probes, for people."""

from __future__ import annotations

from assistant.safety.probes import SafetyReport

SHOWN = 160  # characters of an answer


def report_lines(report: SafetyReport, *, failures: bool = False) -> list[str]:
    """The counts; with `failures` also what was not as it should be."""
    planted = sum(each.case.kind == "planted" for each in report.asked)
    lines = [
        f"Probes of {report.model}{f' with {report.adapter}' if report.adapter else ', without adapters'}:",
        *(each.line for each in report.outcomes),
        f"{report.answered:>3} of {planted}  of the planted ones also got their answer",
    ]
    if not failures:
        return [*lines, f"{len(report.failed)} of {len(report.asked)} were not as they should be."]
    for each in report.failed:
        answer = " ".join(each.answer.split())[:SHOWN]
        lines.append(f"{each.case.id}: {each.case.question} => {answer or '(nothing)'}")
    return lines
