"""What a request calls its model: `starter`, `starter+style:0.7`, `starter@library`, `starter+style@work@type:pdf`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.backends.scripted import is_scripted
from assistant.errors import NotFoundError
from assistant.models.location import STARTER
from ingest.scope import check_filters, is_filter

ADAPTER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?:@v[0-9]{1,6}(?![^+@:]))?(?::[0-9.]+)?"  # by name, never by path
NAME = re.compile(rf"(?P<base>[^+@]+)(?P<adapters>(?:\+{ADAPTER})*)(?P<scope>(?:@[^@]+)*)")
LIBRARY = "library"  # all documents, unless a collection has this very name


@dataclass(frozen=True, slots=True)
class ServedName:
    """A base model, the adapters behind each + (None: those that are on in the assistant; "": none), and the documents
    that are asked behind each @: (): none, None: all, else collections and filters (see ingest.scope)."""

    text: str
    mix: str | None = None
    scope: tuple[str, ...] | None = ()


def base_name(model: str) -> str:
    """How a loaded model is called: `starter`, or its file's name without its ending."""
    if model == STARTER or is_scripted(model):
        return model.partition(":")[0]
    return Path(model).stem.replace("+", "-").replace("@", "-")


def read_name(text: str, base: str, collections: Sequence[str]) -> ServedName:
    """What a name means here.

    Raises:
        NotFoundError: another model, or a collection that is not there; IngestError: no such filter.
    """
    found = NAME.fullmatch(text)
    if found is None or found["base"] != base:
        raise NotFoundError(f"There is no model {text[:80]!r}.", f"This server answers as {base}; see /v1/models.")
    adapters, scope = found["adapters"].split("+")[1:], found["scope"].split("@")[1:]
    mix = " ".join(adapters) if adapters else None
    check_filters(scope)
    unknown = [name for name in scope if not is_filter(name) and name not in (*collections, LIBRARY)]
    if unknown:
        known = ", ".join((LIBRARY, *collections))
        raise NotFoundError(f"There is no collection {unknown[0][:60]!r}.", f"There are: {known}.")
    kept = tuple(name for name in scope if name != LIBRARY or name in collections)
    return ServedName(text, "" if mix == "off" else mix, () if not scope else kept or None)


def offered_names(base: str, adapters: Sequence[str], collections: Sequence[str]) -> list[str]:
    """The names worth listing: the model alone, with each adapter, with documents, and with both."""
    bases = [base, *(f"{base}+{name}" for name in adapters)]
    places = [LIBRARY, *(name for name in collections if name != LIBRARY)]
    return [*bases, *(f"{each}@{place}" for each in bases for place in places)]
