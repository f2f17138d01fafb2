"""`/collections`: what the collections have of their own, and changing it; files that wait are then read anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.errors import UsageError
from assistant.library_text import collection_line
from assistant.safe_text import safe_line
from ingest import collection_settings

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp


async def collections(app: AssistantApp, rest: str) -> str:
    """Lines for the typed `rest`: nothing (all collections), a name, or a name with a setting and its value.

    Raises:
        UsageError: too many words, or too few; IngestError: no such collection or setting, or a value it cannot have.
    """
    name, key, value = (*rest.split(maxsplit=2), "", "", "")[:3]
    if key and not value:
        raise UsageError("/collections needs a value for that setting.", "`default` takes it back.")
    if key:
        await app.core.database.write(lambda db: collection_settings.change(db, name, key, value.strip("\"'")))
    settings = await app.core.database.read(collection_settings.all_settings)
    shown = [each for each in await app.core.library.collections() if name in ("", each.name)]
    if not shown:
        raise UsageError(f"There is no collection {name}." if name else "There is no collection yet.")
    if key and app.folders is not None:
        linked = [folder for folder in await app.core.folders.all() if folder.collection == name]
        app.folders.sync(linked) if linked and key != "watch" else app.folders.links_changed()
    return "\n".join(safe_line(collection_line(each, settings[each.name])) for each in shown)
