"""Arithmetic on a line of text: decimals, brackets, + - * / **, per cent, abs, round, sqrt; nothing is executed."""

from __future__ import annotations

import ast
import decimal
import operator
import re
from collections.abc import Callable
from decimal import Decimal

from assistant.errors import UsageError

LONGEST = 200  # characters
CONTEXT = decimal.Context(prec=40, Emax=39, Emin=-39)  # digits; what leaves this range is refused, not computed
SHOWN_DIGITS = 12
GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")  # 1,200
ALLOWED = re.compile(r"(?:[\d\s.,+*/()-]|(?<=\d)[eE](?=[\d+-])|abs|round|sqrt)+", re.ASCII)
WRITTEN = str.maketrans(
    {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**", "£": "", "$": "", "€": "", "%": "/100"}
)
OPERATORS: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "abs": lambda value: abs(value),
    "sqrt": lambda value: value.sqrt(),
    "round": lambda value, digits=Decimal(0): round(value, int(digits)),
}


def calculate(expression: str) -> str:
    """The value of an expression, with up to 12 digits: `(950 + 40) * 12` is `11880`, `15% * 240` is `36`.

    Raises:
        UsageError: it is too long, no arithmetic, or has no finite value.
    """
    text = GROUPS.sub("", expression.translate(WRITTEN)).strip().rstrip("=").strip()
    if not text or len(text) > LONGEST:
        raise UsageError(f"An expression has 1 to {LONGEST} characters.", "Write it as in: (950 + 40) * 12")
    try:
        if not ALLOWED.fullmatch(text):
            raise ValueError(text)
        with decimal.localcontext(CONTEXT):
            return _shown(_value(ast.parse(text, mode="eval").body))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise UsageError(f"“{expression[:60]}” is no arithmetic.", "Write it as in: (950 + 40) * 12") from error
    except (decimal.DecimalException, ArithmeticError) as error:
        raise UsageError(
            f"“{expression[:60]}” has no value that can be given.", "It divides by 0, or is huge."
        ) from error


def _value(node: ast.expr) -> Decimal:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Decimal(repr(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
        return FUNCTIONS[node.func.id](*map(_value, node.args))
    raise ValueError(type(node).__name__)


def _shown(value: Decimal) -> str:
    rounded = +value if value == value.to_integral_value() else decimal.Context(prec=SHOWN_DIGITS).plus(value)
    if not rounded.is_finite():
        raise decimal.InvalidOperation
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
