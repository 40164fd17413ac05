"""The access list of the API, one secret in Secret Manager: remembered briefly, changed whole.

Secret Manager has no compare-and-set. A change therefore looks at the number of the version that
it made: where somebody else's came in between, it is made again on top of theirs.
"""

import time
from collections.abc import Callable
from datetime import datetime

from shared.core.access import AccessKey, AccessList, Account, Role, new_key
from shared.errors import InvalidConfigError, StorageUnavailableError
from shared.secrets import Secrets
from shared.wire import from_json, to_json

SECRET = "api-access"  # noqa: S105 - its name
"""Name of the secret."""

MEMORY_S = 30.0
"""A key that is revoked is refused after so long at the latest."""

MAX_CONTENDERS = 10
"""Give up a change after so many others came in between."""


class Callers:
    """Who may call. One per instance: it remembers the list for a short while."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._known: AccessList | None = None
        self._read_s = 0.0

    def known(self) -> AccessList:
        """Return the list as it was at most ``MEMORY_S`` ago.

        Raises:
            InvalidConfigError: there is none, or it cannot be read.
            StorageUnavailableError: Secret Manager did not answer.
        """
        now_s = time.monotonic()
        if self._known is None or now_s - self._read_s > MEMORY_S:
            self._known = self._read()[0]
            self._read_s = now_s
        return self._known

    def listed(self) -> AccessList:
        """Return the list as it is now; an empty one where there is none yet."""
        return self._read_or_empty()[0]

    def create(
        self, role: Role, at: datetime, *, note: str = "", expires_at: datetime | None = None
    ) -> tuple[str, AccessKey]:
        """Add a key; return its token, which is never shown again, and what is kept of it."""
        token, key = new_key(role, at, note=note, expires_at=expires_at)
        self._change(lambda access: access.with_key(key))
        return token, key

    def revoke(self, caller: str) -> None:
        """Remove a key, by its id, or an account.

        Raises:
            InvalidMessageError: neither is on the list.
        """
        self._change(lambda access: access.without(caller))

    def grant(self, account: Account) -> None:
        """Let a Google account call."""
        self._change(lambda access: access.with_account(account))

    def _change(self, change: Callable[[AccessList], AccessList]) -> None:
        access, version = self._read_or_empty()
        for _ in range(MAX_CONTENDERS):
            changed = change(access)
            made = self._secrets.add(SECRET, to_json(changed))
            if made == version + 1:
                self._known, self._read_s = changed, time.monotonic()
                return
            # Ours hides the version just before it, which somebody else made meanwhile.
            version = made
            access = self._read(str(made - 1))[0]
        raise StorageUnavailableError(
            f"the access list was changed by others {MAX_CONTENDERS} times while being changed"
        )

    def _read_or_empty(self) -> tuple[AccessList, int]:
        newest = self._secrets.newest(SECRET)
        return self._parsed(*newest) if newest else (AccessList(), 0)

    def _read(self, version: str = "latest") -> tuple[AccessList, int]:
        found = self._secrets.newest(SECRET, version)
        if found is None:
            raise InvalidConfigError(
                f"secret {SECRET} has no version, so nobody may call; "
                "`sluice access create --role admin` makes the first key"
            )
        return self._parsed(*found)

    def _parsed(self, value: bytes, version: int) -> tuple[AccessList, int]:
        return from_json(AccessList, value, f"secret {SECRET}, version {version}"), version
