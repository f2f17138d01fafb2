"""Renders messages with a model's own chat template, which is a program from an untrusted file.

It runs in a sandbox and within limits of size, time and output; where it cannot be
used, ChatML takes its place and `notice` says so.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import FrameType
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from adapters.rows import Speech, Turn

MAX_TEMPLATE = 64 * 1024  # characters
MAX_OUTPUT_FACTOR, MAX_OUTPUT_BASE = 4, 64 * 1024
MAX_SECONDS = 2.0
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja as chat templates expect it; no operation may build more text than a prompt can need."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        self.globals["raise_exception"] = _raise_exception
        self.globals["strftime_now"] = lambda layout: datetime.now().strftime(layout)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not all(isinstance(value, int | float) for value in (left, right)) or operator == "**":
            raise TemplateError(f"the operator {operator} is not allowed")
        return super().call_binop(context, operator, left, right)


class ChatTemplate:
    """A compiled chat template."""

    def __init__(self, source: str, bos: str, eos: str) -> None:
        """`source` "" means the model has none; `bos` and `eos` are the strings of its tokens."""
        self.notice = ""
        self._names = {"bos_token": bos, "eos_token": eos}
        self._template = self._compile(source)

    def render(self, messages: Sequence[Speech], *, answer_next: bool = True) -> str:
        """The prompt for the next answer; without `answer_next`, the conversation up to its last message."""
        try:
            return self._rendered(messages, answer_next)
        except _Unusable as problem:
            if isinstance(problem.__cause__, TemplateError):  # some templates know no system role
                with contextlib.suppress(_Unusable):
                    return self._rendered(_system_in_first_question(messages), answer_next)
            self._fall_back(str(problem))
            return self._rendered(messages, answer_next)

    def _compile(self, source: str) -> Any:
        if not source:
            return self._fall_back("the model has none")
        if len(source) > MAX_TEMPLATE:
            return self._fall_back(f"it has {len(source):,} characters")
        try:
            with _time_limit():
                return _Sandbox().from_string(source)
        except _FAULTS as error:
            return self._fall_back(_reason(error))

    def _fall_back(self, reason: str) -> Any:
        self.notice = f"The model's chat template cannot be used ({reason}); ChatML is used instead."
        self._template = _Sandbox().from_string(CHATML)
        return self._template

    def _rendered(self, messages: Sequence[Speech], answer_next: bool) -> str:
        plain = [{"role": message.role, "content": message.content} for message in messages]
        limit = MAX_OUTPUT_FACTOR * sum(len(message.content) for message in messages) + MAX_OUTPUT_BASE
        parts: list[str] = []
        length = 0
        try:
            with _time_limit():
                variables = {"messages": plain, "add_generation_prompt": answer_next, **self._names}
                for part in self._template.generate(**variables):
                    parts.append(part)
                    length += len(part)
                    if length > limit:
                        raise _Unusable("it writes without end")
        except _FAULTS as error:
            raise _Unusable(_reason(error)) from error
        return "".join(parts)


class _Unusable(Exception):
    """The template failed; the message is the reason."""


class _OutOfTime(Exception):
    """The template ran too long."""


_FAULTS = (
    TemplateError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
    MemoryError,
    _OutOfTime,
)


def _reason(error: BaseException) -> str:
    if isinstance(error, _OutOfTime):
        return f"it ran longer than {MAX_SECONDS:.0f} seconds"
    return f"{type(error).__name__}: {str(error)[:80]}" if str(error) else type(error).__name__


def _raise_exception(message: str) -> None:
    raise TemplateError(str(message))


def _system_in_first_question(messages: Sequence[Speech]) -> Sequence[Speech]:
    """The same messages for a template without a system role."""
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if not system or not rest:
        return messages
    return [Turn(rest[0].role, f"{system}\n\n{rest[0].content}"), *rest[1:]]


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """Raise _OutOfTime after MAX_SECONDS. Only a main thread can be interrupted so: a worker's is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
