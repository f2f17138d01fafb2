"""Short questions before something happens: a confirmation, and what to do with a link."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote, urlsplit

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from assistant.safe_text import safe_text
from assistant.tui.widgets.plain import Plain

URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~-._"


class ConfirmDialog(ModalScreen[bool]):
    """Asks; only the key that is named does it."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,enter,q", "answer(False)", "No"),
    ]

    def __init__(self, question: str, consequence: str) -> None:
        super().__init__()
        self._question, self._consequence = question, consequence

    def compose(self) -> ComposeResult:
        """The question, what follows, and the keys."""
        with Vertical(classes="dialog"):
            yield Plain(safe_text(self._question), classes="dialog-title")
            yield Plain(safe_text(self._consequence))
            yield Plain("y  yes    n or Esc  no", classes="dialog-keys")

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)


class LinkDialog(ModalScreen[None]):
    """Shows the whole address a link in an answer leads to. Nothing is opened unless the user says so."""

    CSS_PATH = "screens.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,c", "copy", "Copy"),
        Binding("o", "open", "Open in the browser"),
        Binding("escape,q", "dismiss", "Leave it"),
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
            keys = "    o  open in the browser" if self.opens else ""
            yield Plain(f"Enter  copy{keys}    Esc  leave it", classes="dialog-keys")

    def action_copy(self) -> None:
        """Copy the address."""
        self.app.copy_to_clipboard(safe_text(self._address))
        self.dismiss()

    def action_open(self) -> None:
        """Open the address in the browser."""
        if self.opens:
            self.app.open_url(self._address)
            self.dismiss()
