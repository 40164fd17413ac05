"""Whom PostgreSQL runs as when root starts it, and what that account can reach."""

from __future__ import annotations

import contextlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from local.postgres.errors import PostgresError

_NAMES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account that runs the server in root's place."""

    name: str
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether the account may pass through every existing folder from the root to `path`.

        Judges by permission bits alone, so access lists and supplementary groups are not seen.
        """
        for folder in (path, *path.parents):
            try:
                status = folder.stat()
            except FileNotFoundError:
                continue
            if status.st_uid == self.uid:
                needed = 0o100
            elif status.st_gid == self.gid:
                needed = 0o010
            else:
                needed = 0o001
            if not status.st_mode & needed:
                return False
        return True


def substitute_for_root() -> Account | None:
    """Who runs the server: None for whoever runs us, unless that is root.

    Raises:
        PostgresError: root has nobody to run it as.
    """
    if os.geteuid() != 0:
        return None
    for name in _NAMES:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        f"PostgreSQL refuses to run as root and no account {' or '.join(_NAMES)} exists; "
        "start as an ordinary user"
    )
