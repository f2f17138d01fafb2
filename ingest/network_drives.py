"""Of which folders the kernel does not tell the changes: those on drives where others make them, and missing ones."""

from __future__ import annotations

import os
import re
from pathlib import Path

_KIND_NAMES = "9p afs ceph cifs coda glusterfs nfs nfs4 prl_fs smb2 smb3 smbfs vboxsf virtiofs vmhgfs"
_KINDS = frozenset(_KIND_NAMES.split())
_ESCAPED = re.compile(rb"\\([0-7]{3})")

NOT_THERE = "it cannot be reached"


def why_not_told(folder: str) -> str:
    """Why changes of a folder will not be told, "" if they will."""
    if not os.path.isdir(folder):  # noqa: PTH112  # the path need not be UTF-8
        return NOT_THERE
    kind = network_drive(os.fsencode(os.path.realpath(folder)))
    return f"it lies on a network drive ({kind})" if kind else ""


def network_drive(path: bytes, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of network or shared drive a path lies on, such as "nfs4"; "" for a local one.

    `mounts` has the format of proc_pid_mountinfo(5). Drives of FUSE count as such too ("fuse.sshfs"), except
    local file systems that merely run in user space ("fuseblk").
    """
    best, kind = b"", ""
    try:
        lines = mounts.read_bytes().splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split(b" ")
        if b"-" not in fields or len(fields) < fields.index(b"-") + 2:
            continue
        point = _ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 255]), fields[4])
        inside = path == point or path.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= len(best):  # of two at the same place, the later lies on top
            best, kind = point, fields[fields.index(b"-") + 1].decode("ascii", "replace")
    return kind if kind in _KINDS or kind.startswith("fuse.") else ""
