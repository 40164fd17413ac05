"""Who may call the API: keys and accounts, what each may do, and whether a token is one of them.

A key is 256 random bits behind the name that it is listed under. Only its SHA-256 is kept: nobody
can guess so many bits, so a slow hash would only slow down honest callers.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal, Self

from shared.errors import InvalidMessageError

VERSION: Final = 1
"""Version of the access list. Readers refuse any other."""

SECRET_BYTES = 32
ID_BYTES = 6

_KEY = re.compile(r"sluice_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODY = "0" * 64
"""What a key that is not listed is compared with, so that it takes as long as any other."""


class Role(StrEnum):
    """What a caller may do; each may all that the ones before may."""

    READ = "read"
    OPERATE = "operate"
    """Runs, replays, quarantine, dead letters."""
    ADMIN = "admin"
    """Tables, keys, and what cannot be undone."""

    def covers(self, wanted: "Role") -> bool:
        """Say whether this role may do what takes the other."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller that has shown who it is: ``key:<id>`` or ``user:<e-mail address>``."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """One key as it is kept."""

    id: str
    role: Role
    sha256: str
    note: str = ""
    created_at: datetime
    expires_at: datetime | None = None

    def is_live(self, at: datetime) -> bool:
        """Say whether the key has not expired."""
        return self.expires_at is None or at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A Google account, of a person or a service, and what it may do."""

    email: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList:
    """All keys and accounts that may call."""

    version: Literal[1] = VERSION
    keys: tuple[AccessKey, ...] = ()
    accounts: tuple[Account, ...] = ()

    def of_key(self, token: str, at: datetime) -> Principal | None:
        """Return whose key a token is; None when it is none that is listed and live."""
        match = _KEY.fullmatch(token)
        if match is None:
            return None
        key = next((k for k in self.keys if k.id == match[1]), None)
        is_same = hmac.compare_digest(digest(token), key.sha256 if key else _NOBODY)
        if key is None or not is_same or not key.is_live(at):
            return None
        return Principal(name=f"key:{key.id}", role=key.role)

    def of_account(self, email: str) -> Principal | None:
        """Return a Google account as a caller; None when it is not listed."""
        found = next((a for a in self.accounts if a.email == email.lower()), None)
        return Principal(name=f"user:{found.email}", role=found.role) if found else None

    def with_key(self, key: AccessKey) -> Self:
        """Return the list with a key more."""
        return replace(self, keys=(*self.keys, key))

    def without(self, caller: str) -> Self:
        """Return the list without a key, by its id, or without an account.

        Raises:
            InvalidMessageError: neither is on the list.
        """
        keys = tuple(k for k in self.keys if k.id != caller)
        accounts = tuple(a for a in self.accounts if a.email != caller.lower())
        if (keys, accounts) == (self.keys, self.accounts):
            known = ", ".join([*(k.id for k in self.keys), *(a.email for a in self.accounts)])
            raise InvalidMessageError(f"{caller} is not on the list; known: {known or 'nobody'}")
        return replace(self, keys=keys, accounts=accounts)

    def with_account(self, account: Account) -> Self:
        """Return the list in which an account has this role and no other."""
        others = tuple(a for a in self.accounts if a.email != account.email)
        return replace(self, accounts=(*others, account))


def is_key(token: str) -> bool:
    """Say whether a token has the form of a key; else it may be an ID token."""
    return _KEY.fullmatch(token) is not None


def new_key(
    role: Role, at: datetime, *, note: str, expires_at: datetime | None
) -> tuple[str, AccessKey]:
    """Return a new key's token, which nothing keeps, and what is kept of it."""
    token = new_token()
    kept = AccessKey(
        id=key_id(token),
        role=role,
        sha256=digest(token),
        note=note,
        created_at=at,
        expires_at=expires_at,
    )
    return token, kept


def new_token() -> str:
    """Return a new key: the name that it is listed under, and the secret behind it."""
    return f"sluice_{secrets.token_hex(ID_BYTES)}_{secrets.token_urlsafe(SECRET_BYTES)}"


def key_id(token: str) -> str:
    """Return the name that a key is listed under."""
    return token.split("_", 2)[1]


def digest(token: str) -> str:
    """Return the SHA-256 of a token, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()
