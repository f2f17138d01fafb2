"""A report as one HTML page: nothing in it comes from elsewhere, nothing in it can run, everything shown is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from assistant.evaluation.plots import differences_plot, estimates_plot, outcomes_plot
from assistant.evaluation.report import WHY_TOLD, Case, Contrast, Estimate, Report
from assistant.evaluation.report_text import about, difference_text, estimate_text, right_text, verdict_text
from assistant.evaluation.run import Graded
from assistant.safe_text import safe_text

STYLE = """
:root{--ink:#1d2430;--soft:#5b6575;--line:#d8dde5;--paper:#fff;--card:#f6f7f9;--good:#1a7f4b;--bad:#b3362b}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b2;--line:#363d48;--paper:#14181e;--card:#1c222a;
--good:#5fc48d;--bad:#ef8076}}
*{box-sizing:border-box}body{margin:0 auto;max-width:860px;padding:24px 20px 60px;background:var(--paper);
color:var(--ink);font:15px/1.5 system-ui,sans-serif}h1{font-size:24px;margin:0 0 6px}
h2{font-size:18px;margin:34px 0 8px}
p{margin:6px 0;color:var(--soft)}table{border-collapse:collapse;width:100%;font-size:14px;display:block;overflow-x:auto}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--line);white-space:nowrap}
td.told{white-space:normal;color:var(--soft)}th{font-weight:600}
svg{width:100%;height:auto;display:block;margin:8px 0}svg text{font:12px system-ui,sans-serif;fill:var(--soft)}
svg .label{text-anchor:end;fill:var(--ink)}svg .tick{text-anchor:middle}svg .grid{stroke:var(--line)}
svg .zero{stroke:var(--ink)}svg g line{stroke-width:2}
.key{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px}.key i{display:inline-block;width:11px;height:11px;
border-radius:3px;margin-right:6px}
details{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 14px;margin:10px 0}
summary{cursor:pointer;font-weight:600}.answers{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));
margin-top:8px}.answer{border-top:3px solid var(--line);padding-top:6px;white-space:pre-wrap;overflow-wrap:anywhere}
.answer.good{border-color:var(--good)}.answer.bad{border-color:var(--bad)}.answer b{display:block;font-size:13px}
.better{color:var(--good)}.worse{color:var(--bad)}
"""
COLOURS = ("#3b78c2", "#c9772b", "#2f9a6d", "#a04fb0", "#b8a02a", "#c24a5a", "#4aa3b0", "#7a7f88")
PARTS = ("#2f9a6d", "#c24a5a", "#a04fb0", "#c9772b", "#b8a02a", "#7a7f88")  # right, then the reasons of WHY_TOLD
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """The page. It opens from a file, without a network; its policy forbids scripts and everything from elsewhere."""
    run = report.run
    title = f"Evaluation of {run.questions.name}, run {run.id}"
    labels = [arm.label for arm in run.arms]
    body = [f"<h1>{_shown(title)}</h1><p>{_shown(about(report))}</p>", _key(labels, COLOURS)]
    body += ["<h2>Right, by tag</h2>", estimates_plot(report.by_tag, len(labels)), _by_tag(report, labels)]
    if report.contrasts:
        body += [f"<h2>Against {_shown(labels[0])}</h2>", differences_plot(report.contrasts, labels)]
        body.append(_contrasts(report.contrasts))
    body += ["<h2>Why answers are wrong</h2>", _reasons(report, labels)]
    body += ["<h2>Figures</h2>", _figures(report, labels), _regressions(report)]
    if report.worst:
        body += ["<h2>Worst cases, side by side</h2>", *(_case(case, labels) for case in report.worst)]
    colours = "".join(f".arm{n} line{{stroke:{c}}}.arm{n} circle{{fill:{c}}}" for n, c in enumerate(COLOURS))
    colours += "".join(f".part{n} rect{{fill:{c}}}" for n, c in enumerate(PARTS))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_shown(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}{colours}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _by_tag(report: Report, labels: Sequence[str]) -> str:
    rows = [[line.name, *(_counted(each) for each in line.estimates)] for line in report.by_tag]
    return _table(["Tag", *labels], rows)


def _counted(estimate: Estimate | None) -> str:
    return f"{estimate_text('right', estimate)} of {estimate.count:,}" if estimate else "-"


def _figures(report: Report, labels: Sequence[str]) -> str:
    rows = [[line.name, *(estimate_text(line.name, each) for each in line.estimates)] for line in report.figures]
    return _table(["Mean", *labels], rows)


def _contrasts(contrasts: Sequence[Contrast]) -> str:
    rows = [
        [each.after, each.name, difference_text(each), f"{each.wins:,} : {each.losses:,}", f"{each.p:.3f}", each.says]
        for each in contrasts
    ]
    return _table(["", "Tag", "Difference", "Only one is right", "p", ""], rows)


def _reasons(report: Report, labels: Sequence[str]) -> str:
    names = list(WHY_TOLD)
    total = max(sum(found.values()) for found in report.outcomes)
    rows = [
        [name, *(f"{found.get(name, 0):,}" for found in report.outcomes), told]
        for name, told in WHY_TOLD.items()
        if any(found.get(name) for found in report.outcomes)
    ]
    table = _table(["", *labels, "What it means"], rows, told=1) if rows else "<p>No answer is wrong.</p>"
    return outcomes_plot(labels, report.outcomes, names, total) + _key(["right", *names], PARTS) + table


def _regressions(report: Report) -> str:
    if not report.regressions:
        return ""
    rows = [
        [each.contrast.after, difference_text(each.contrast), f"{each.contrast.p:.3f}", each.contrast.says,
         ", ".join(each.broken) or "-", ", ".join(each.mended) or "-"]
        for each in report.regressions
    ]  # fmt: skip
    header = ["", "Difference", "p", "", "Now wrong", "Now right"]
    return f"<h2>Against run {report.before}</h2>" + _table(header, rows, told=2)


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
    return (
        f'<div class="answer {kind}"><b>{_shown(label)}: {_shown(verdict_text(graded))}</b>{_shown(said)}{trace}</div>'
    )


def _key(names: Iterable[str], colours: Sequence[str]) -> str:
    entries = "".join(
        f'<span><i style="background:{colour}"></i>{_shown(name)}</span>'
        for name, colour in zip(names, colours, strict=False)
    )
    return f'<div class="key">{entries}</div>'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, told: int = 0) -> str:
    """`told` columns, the last ones, hold text that is wrapped."""
    head = "".join(f"<th>{_shown(cell)}</th>" for cell in header)
    lines = []
    for row in rows:
        cells = [_cell(cell, wrapped=place >= len(row) - told) for place, cell in enumerate(row)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(text: str, *, wrapped: bool) -> str:
    kind = "told" if wrapped else text if text in ("better", "worse") else ""
    return f'<td class="{kind}">{_shown(text)}</td>' if kind else f"<td>{_shown(text)}</td>"


def _shown(text: str) -> str:
    """`text` as page text: no markup, no control characters."""
    return escape(safe_text(text))
