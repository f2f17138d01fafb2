"""Reads members of a zip file under limits that are counted on the bytes that really come out."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import IO

from ingest.errors import PasswordError, UnreadableError
from ingest.readers.limits import MIB, Limits, megabytes

_BLOCK = 256 * 1024
_RATIO_FROM = 1 * MIB  # small members may be packed as tightly as they like
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the old Office container; new Office encrypts into it
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


class Archive:
    """A zip file held in memory; only the members asked for are unpacked."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        """
        Raises:
            PasswordError: an encrypted Office file.
            UnreadableError: no zip file, a broken one, or one with too many entries.
        """
        if data.startswith(_OLE_MAGIC):
            if _ENCRYPTED_PACKAGE in data:
                raise PasswordError("needs a password", "Save a copy without one and add that.")
            raise UnreadableError(
                "is an old Office file, whatever its name says", "Give it its right name, as .doc or .xls."
            )
        try:
            self._file = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise UnreadableError("is broken: not a complete zip file") from None
        entries = self._file.infolist()
        if len(entries) > limits.archive_entries:
            raise UnreadableError(f"holds {len(entries)} parts; the limit is {limits.archive_entries}")
        self._limits = limits
        self._total = 0
        self.names = [entry.filename for entry in entries]

    def read(self, name: str) -> bytes | None:
        """The content of a member, None when there is no such member.

        Raises:
            PasswordError: it is encrypted.
            UnreadableError: it is broken, or unpacks to more than the limits allow.
        """
        try:
            entry = self._file.getinfo(name)
        except KeyError:
            return None
        if entry.flag_bits & 1:
            raise PasswordError("needs a password", "Save a copy without one and add that.")
        try:
            with self._file.open(entry) as member:
                return self._counted(member, entry.compress_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
            raise UnreadableError(f"is broken: its part {name!r} cannot be unpacked") from None

    def _counted(self, member: IO[bytes], packed: int) -> bytes:
        limits, content = self._limits, bytearray()
        while block := member.read(_BLOCK):
            content += block
            self._total += len(block)
            if len(content) > limits.archive_member_bytes or self._total > limits.archive_bytes:
                most = min(limits.archive_member_bytes, limits.archive_bytes)
                raise UnreadableError(f"unpacks to more than {megabytes(most)}; refused as a possible zip bomb")
            if len(content) > _RATIO_FROM and len(content) > limits.archive_ratio * max(1, packed):
                raise UnreadableError(
                    f"unpacks to more than {limits.archive_ratio} times its size; refused as a possible zip bomb"
                )
        return bytes(content)
