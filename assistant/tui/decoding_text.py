"""The next-token distribution as a table: each candidate before, and after every knob."""

from __future__ import annotations

from textual.content import Content

from assistant.backends.next_token import KNOBS, Candidate, Distribution
from assistant.playground import Decoded
from assistant.safe_text import safe_line
from assistant.tokens.token import shown_bytes

BAR, WIDEST = 8, 12  # characters of the longest bar, of a token
NAMES = {"repeat_penalty": "penalty", "top_k": "top-k", "top_p": "top-p", "min_p": "min-p", "temperature": "drawn"}


def chosen_line(decoded: Decoded, place: int) -> Content:
    """The token under the cursor: its number, its probability before any knob."""
    if not decoded.tokens:
        return Content("")
    token, piece = decoded.tokens[place], decoded.pieces[place]
    end = ", which ends the answer" if token.end else ""
    return Content.assemble(
        (safe_line(piece.shown), "bold"),
        f"  token {place + 1} of {len(decoded.tokens)}, id {token.token:,}{end}: ",
        (f"{token.probability:.1%}", "bold"),
        " before any knob   ",
        ("Enter shows what else could have come", "$text-muted"),
    )


def distribution_content(found: Distribution, chosen: int | None) -> Content:
    """A row a candidate; the one that was chosen is marked, one that was cut off says by what."""
    head = f"  {'token':<{WIDEST}} {'before':>6} {'':<{BAR}}" + "".join(f"{NAMES[knob]:>8}" for knob in KNOBS)
    rows = [Content(found.line), Content(""), Content.styled(head, "$text-muted")]
    for each in found.candidates:
        mark = "→" if each.token == chosen else " "
        token = safe_line(shown_bytes(each.data) or "(nothing)")[:WIDEST]
        bar = "█" * round(BAR * each.probability)
        style = "bold" if mark == "→" else "$text-muted" if each.cut_by else ""
        rows.append(
            Content.styled(f"{mark} {token:<{WIDEST}} {each.probability:6.1%} {bar:<{BAR}}{_after(each)}", style)
        )
    rows += [Content(""), Content.styled(ABOUT, "$text-muted")]
    return Content("\n").join(rows)


def _after(each: Candidate) -> str:
    """What is left after each knob; `cut` by the one that cut it off."""
    left = sum(value > 0 for value in each.after)
    cells = [f"{value:.1%}" for value in each.after[:left]] + ["cut", *"–––––"][: len(KNOBS) - left]
    return "".join(f"{cell:>8}" for cell in cells)


ABOUT = """before: the model's own probability. The knobs are applied from left to right: the repeat
penalty lowers what the answer said already; top-k keeps the k likeliest, top-p the likeliest
that reach p together, min-p those with that share of the likeliest; temperature flattens or
sharpens what is left (0 is greedy: the likeliest alone), and from that a token is drawn."""
