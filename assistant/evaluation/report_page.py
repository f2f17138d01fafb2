"""A report as one HTML page: nothing in it comes from elsewhere, nothing in it can run, everything shown is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from assistant.evaluation.plots import STYLE as PLOTS
from assistant.evaluation.plots import differences_plot, estimates_plot, outcomes_plot
from assistant.evaluation.report import WHY_TOLD, Case, Contrast, Line, Report
from assistant.evaluation.report_text import (
    PLAIN,
    about,
    difference_text,
    estimate_text,
    p_text,
    right_text,
    verdict_text,
)
from assistant.evaluation.run import Graded
from assistant.safe_text import safe_text

STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6575;--line:#d8dde5;--paper:#fff;--card:#f6f7f9;--good:#1a7f4b;
--bad:#b3362b}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b2;--line:#363d48;--paper:#14181e;--card:#1c222a;
--good:#5fc48d;--bad:#ef8076}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:960px;padding:24px 20px 60px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:24px;line-height:1.25;margin:0 0 6px}h2{font-size:18px;margin:36px 0 8px}p{margin:6px 0;color:var(--soft)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px;margin:12px 0;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:5px 22px 5px 0;border-bottom:1px solid var(--line)}
.number,.better,.worse{overflow-wrap:normal}.better{color:var(--good)}.worse{color:var(--bad)}
i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px}
.key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px}
details{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 14px;margin:10px 0}
summary{cursor:pointer;font-weight:600;unicode-bidi:plaintext}
.answers{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));margin-top:10px}
.answer{border-top:3px solid var(--line);padding-top:6px}.answer div{white-space:pre-wrap;unicode-bidi:plaintext}
.answer.good{border-color:var(--good)}.answer.bad{border-color:var(--bad)}.answer b{display:block;font-size:13px}
@media(max-width:800px){table,tbody,tr,td{display:block}.head{display:none}tr{border-bottom:1px solid var(--line);
padding:6px 0}td{border:0;padding:1px 0}td:first-child{font-weight:600}
td[data-of]:before{content:attr(data-of) ": ";color:var(--soft)}}
@media print{details{break-inside:avoid}}
"""
ARMS = ("#3b78c2", "#c9772b", "#2f9a6d", "#a04fb0", "#b8a02a", "#c24a5a", "#4aa3b0", "#7a7f88")
PARTS = ("#2f9a6d", "#c24a5a", "#a04fb0", "#c9772b", "#b8a02a", "#7a7f88")  # right, then the reasons of WHY_TOLD
BESIDE = 3  # arms whose figures stand on one line beside each other; those of more may be broken before the bracket
BLANK = "\N{NO-BREAK SPACE}"
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """The page. It opens from a file, without a network; its policy forbids scripts and everything from elsewhere.

    Nothing in it is wider than the window, from 320 pixels on: on a narrow one tables become lists.
    """
    run = report.run
    title = f"Evaluation of {run.questions.name}, run {run.id}"
    labels = [arm.label for arm in run.arms]
    body = [f"<h1>{_shown(title)}</h1><p>{_shown(about(report))}</p>"]
    body += ["<h2>Right, by tag</h2>", _key(labels), estimates_plot(report.by_tag, labels)]
    body += [_by_tag(report, labels), _contrasts(report.contrasts, labels)]
    body += ["<h2>Why answers are wrong</h2>", _reasons(report, labels)]
    body += ["<h2>Figures</h2>", _figures(report, labels), _regressions(report)]
    if report.worst:
        body += ["<h2>Worst cases, side by side</h2>", *(_case(case, labels) for case in report.worst)]
    colours = "".join(f".arm{n} line{{stroke:{c}}}.arm{n} circle{{fill:{c}}}" for n, c in enumerate(ARMS))
    colours += "".join(f".part{n}{{fill:{c}}}" for n, c in enumerate(PARTS))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_shown(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}{PLOTS}{colours}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _by_tag(report: Report, labels: Sequence[str]) -> str:
    rows = [[_counted(line), *_estimates("right", line)] for line in report.by_tag]
    return _table(["Right, % of the questions", *labels], rows)


def _counted(line: Line) -> str:
    return f"{line.name} ({max((each.count for each in line.estimates if each), default=0):,})"


def _figures(report: Report, labels: Sequence[str]) -> str:
    rows = [
        [line.name if line.name in PLAIN else f"{line.name}, %", *_estimates(line.name, line)]
        for line in report.figures
    ]
    return _table(["Mean", *labels], rows)


def _estimates(name: str, line: Line) -> list[str]:
    return [_together(estimate_text(name, each), len(line.estimates)) for each in line.estimates]


def _contrasts(contrasts: Sequence[Contrast], labels: Sequence[str]) -> str:
    if not contrasts:
        return ""
    two = len(labels) == 2
    title = f"{labels[1]} against {labels[0]}" if two else f"Against {labels[0]}"
    rows = [
        [
            each.name,
            *map(_together, (difference_text(each), f"{each.wins:,} : {each.losses:,}", p_text(each.p), each.says)),
        ]
        for each in contrasts
    ]
    header = ["Tag", "Difference, points", "Wins : losses", "p", "Verdict"]
    if not two:
        header, rows = ["Arm", *header], [[each.after, *row] for each, row in zip(contrasts, rows, strict=True)]
    told = "A win is a question that this one has right and the first has not."
    plot = ("" if two else _key(labels)) + differences_plot(contrasts, labels)
    return f"<h2>{_shown(title)}</h2>{plot}<p>{told}</p>{_table(header, rows, words=1 if two else 2)}"


def _reasons(report: Report, labels: Sequence[str]) -> str:
    told = {"right": "", **WHY_TOLD}
    total = max(sum(found.values()) for found in report.outcomes)
    there = [place for place, name in enumerate(told) if any(found.get(name) for found in report.outcomes)]
    rows = [
        [name, *(f"{found.get(name, 0):,}" for found in report.outcomes), told[name]]
        for name in (list(told)[place] for place in there)
    ]
    plot = outcomes_plot(labels, report.outcomes, list(told), total)
    return plot + _table(["Answers", *labels, "What it means"], rows, colours=[PARTS[place] for place in there])


def _regressions(report: Report) -> str:
    if not report.regressions:
        return ""
    rows, changed = [], []
    for each in report.regressions:
        contrast = each.contrast
        counts = (f"{len(names):,}" for names in (each.broken, each.mended))
        told = (difference_text(contrast), p_text(contrast.p), *counts, contrast.says)
        rows.append([contrast.after, *map(_together, told)])
        for what, names in (("wrong", each.broken), ("right", each.mended)):
            if names:
                title = f"{contrast.after}: {len(names):,} now {what}"
                changed.append(
                    f"<details><summary>{_shown(title)}</summary><p>{_shown(', '.join(names))}</p></details>"
                )
    header = ["Arm", "Difference, points", "p", "Now wrong", "Now right", "Verdict"]
    return f"<h2>Against run {report.before}</h2>{_table(header, rows)}{''.join(changed)}"


def _case(case: Case, labels: Sequence[str]) -> str:
    question = case.question
    places = "".join(f"<p>In {_shown(place.label)}: {_shown(place.quote)}</p>" for place in question.gold)
    tags = f" [{', '.join(question.tags)}]" if question.tags else ""
    answers = "".join(_answer(label, graded) for label, graded in zip(labels, case.answers, strict=True))
    return (
        f"<details open><summary>{_shown(question.question)}</summary><p>{_shown(question.id + tags)}</p>"
        f'<p>Right: {_shown(right_text(question))}</p>{places}<div class="answers">{answers}</div></details>'
    )


def _answer(label: str, graded: Graded) -> str:
    kind = "bad" if graded.why else "good"
    said = graded.answer.text or graded.answer.error or "(nothing)"
    trace = f"<p>{_shown(graded.answer.trace)}</p>" if graded.answer.trace else ""
    verdict = f"<b>{_shown(label)}: {_shown(verdict_text(graded))}</b>"
    return f'<div class="answer {kind}">{verdict}<div>{_shown(said)}</div>{trace}</div>'


def _key(labels: Sequence[str]) -> str:
    entries = (f"<span>{_square(ARMS[place % len(ARMS)])}{_shown(label)}</span>" for place, label in enumerate(labels))
    return f'<div class="key">{"".join(entries)}</div>'


def _square(colour: str) -> str:
    return f'<i style="background:{colour}"></i>'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1, colours: Sequence[str] = ()) -> str:
    """The first `words` columns are names, which may be cut anywhere; `colours` stand before the names of the rows."""
    head = "".join(f"<th>{_shown(cell)}</th>" for cell in header)
    lines = []
    for number, row in enumerate(rows):
        mark = _square(colours[number]) if colours else ""
        cells = "".join(_cell(cell, header[place], named=place < words) for place, cell in enumerate(row[1:], 1))
        lines.append(f"<tr><td>{mark}{_shown(row[0])}</td>{cells}</tr>")
    return f'<div class="wide"><table><tr class="head">{head}</tr>{"".join(lines)}</table></div>'


def _cell(text: str, column: str, *, named: bool) -> str:
    if not text:
        return "<td></td>"
    kind = "" if named else f' class="{text if text in ("better", "worse") else "number"}"'
    return f'<td{kind} data-of="{_shown(column)}">{_shown(text)}</td>'


def _together(text: str, arms: int = 1) -> str:
    """A figure with its interval, to stand on one line if there are few arms, otherwise on two."""
    return text.replace(" ", BLANK) if arms <= BESIDE else text.replace(" to ", f"{BLANK}to{BLANK}")


def _shown(text: str) -> str:
    """`text` as page text: no markup, no control characters."""
    return escape(safe_text(text))
