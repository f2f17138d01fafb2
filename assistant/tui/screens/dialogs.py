"""Short questions before something happens: a confirmation, a line to type, and what to do with a link."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote, urlsplit

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input

from assistant.safe_text import safe_text
from assistant.tui.keys import key_line
from assistant.tui.widgets.moving import MovingScroll
from assistant.tui.widgets.path_suggester import PathSuggester
from assistant.tui.widgets.plain import Plain

URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~-._"


class ConfirmDialog(ModalScreen[bool]):
    """Asks; only the key that is named does it."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("n,escape,enter,q", "answer(False)", "No", id="confirm.no"),
    ]

    def __init__(self, question: str, consequence: str) -> None:
        super().__init__()
        self._question, self._consequence = question, consequence

    def compose(self) -> ComposeResult:
        """The question, what follows, and the keys."""
        with Vertical(classes="dialog"):
            yield Plain(safe_text(self._question), classes="dialog-title")
            yield Plain(safe_text(self._consequence))
            yield Plain(key_line(self.app, confirm__yes="yes", confirm__no="no"), classes="dialog-keys")

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)


class ChooseDialog(ModalScreen[str | None]):
    """Asks which of a few things to do; each has its key, and nothing is done by Enter."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "Cancel", id="screen.back")]

    def __init__(self, question: str, note: str, keys: dict[str, str]) -> None:
        """`keys` are letters and what each does; the letter is the answer."""
        super().__init__()
        self._question, self._note, self._keys = question, note, keys

    def compose(self) -> ComposeResult:
        """The question, what follows, and the keys."""
        with Vertical(classes="dialog"):
            yield Plain(safe_text(self._question), classes="dialog-title")
            yield Plain(safe_text(self._note))
            keys = "    ".join(f"{key}  {told}" for key, told in self._keys.items())
            yield Plain(f"{keys}    {key_line(self.app, screen__back='cancel')}", classes="dialog-keys")

    def on_key(self, event: Key) -> None:
        """Answer with the letter."""
        if event.key in self._keys:
            event.stop()
            self.dismiss(event.key)


class ReadDialog(ModalScreen[None]):
    """A text to read, which may be long."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Back", id="screen.back")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """One column that scrolls."""
        with MovingScroll(classes="help"):
            yield Plain(safe_text(self._title), classes="dialog-title")
            yield Plain(safe_text(self._text))
            yield Plain(key_line(self.app, screen__back="back"), classes="dialog-keys")


class LinkDialog(ModalScreen[None]):
    """Shows the whole address a link in an answer leads to. Nothing is opened unless the user says so."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,c", "copy", "Copy", id="link.copy"),
        Binding("o", "open", "Open in the browser", id="link.open"),
        Binding("escape,q", "dismiss", "Leave it", id="screen.back"),
    ]

    def __init__(self, address: str) -> None:
        super().__init__()
        # Textual has unquoted the address; blanks and controls are quoted again so that it is shown as it goes out.
        self._address = quote(address, safe=URL_CHARACTERS)

    @property
    def opens(self) -> bool:
        """Whether this is an address for a browser."""
        return urlsplit(self._address).scheme in ("http", "https")

    def compose(self) -> ComposeResult:
        """The address and the keys."""
        with Vertical(classes="dialog"):
            yield Plain("A link in the answer", classes="dialog-title")
            yield Plain(safe_text(self._address), classes="dialog-address")
            yield Plain("The model wrote this link. Opening it tells its site that you did.", classes="dialog-note")
            opening = {"link__open": "open in the browser"} if self.opens else {}
            told = key_line(self.app, link__copy="copy", **opening, screen__back="leave it")
            yield Plain(told, classes="dialog-keys")

    def action_copy(self) -> None:
        """Copy the address."""
        self.app.copy_to_clipboard(safe_text(self._address))
        self.dismiss()

    def action_open(self) -> None:
        """Open the address in the browser."""
        if self.opens:
            self.app.open_url(self._address)
            self.dismiss()


class AskLine(ModalScreen[str | None]):
    """Asks for one line: a path, which is completed, or a name."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel", id="screen.back")]

    def __init__(self, question: str, value: str, note: str, *, path: bool) -> None:
        super().__init__()
        self._question, self._value, self._note, self._path = question, value, note, path

    def compose(self) -> ComposeResult:
        """The question, the line, the keys."""
        with Vertical(classes="dialog"):
            yield Plain(safe_text(self._question), classes="dialog-title")
            yield Input(
                self._value, compact=True, select_on_focus=False, suggester=PathSuggester() if self._path else None
            )
            yield Plain(safe_text(self._note), classes="dialog-note")
            keys = "Enter  do it    →  complete" if self._path else "Enter  do it"
            yield Plain(f"{keys}    {key_line(self.app, screen__back='cancel')}", classes="dialog-keys")

    def on_mount(self) -> None:
        """Ready to type behind what is there."""
        field = self.query_one(Input)
        field.focus()
        field.cursor_position = len(field.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())
