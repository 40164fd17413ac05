"""A person's rows in the buckets: whom to look for, what was found, and what is said about it.

A subject is a column and a value of it. Nothing that is shown or written down holds the value: the
audit log has a digest, by which whoever knows the value can show that it was purged. A digest of
something short can be found by trying, so it is salted and slow to make.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Self

from shared.errors import InvalidMessageError

_SALT_BYTES = 16
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
"""Source: RFC 7914, section 2: 16 MiB of memory for each try."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose rows: those with this value in this column of the target's table."""

    column: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``column=value``.

        Raises:
            InvalidMessageError: it is not of that form.
        """
        column, equals, value = text.partition("=")
        if not (column and equals and value):
            raise InvalidMessageError("a subject is written as COLUMN=VALUE, like email=ann@x.org")
        return cls(column, value)

    def digest(self, salt: bytes | None = None) -> str:
        """Return ``scrypt:<salt>:<digest>`` in hexadecimal digits; a fresh salt unless given."""
        salt = salt or secrets.token_bytes(_SALT_BYTES)
        text = f"{self.column}={self.value}".encode()
        return f"scrypt:{salt.hex()}:{hashlib.scrypt(text, salt=salt, **_SCRYPT).hex()}"

    def is_meant_by(self, digest: str) -> bool:
        """Say whether a digest in the audit log is of this subject."""
        salt = bytes.fromhex(digest.split(":")[1])
        return secrets.compare_digest(self.digest(salt), digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """An object with rows of a subject, or one that nothing names any more and that may have some.

    ``rows`` is None where they were not counted; ``is_deleted``: the whole object goes, because
    its other rows are of no use, or cannot be told apart.
    """

    kind: str
    """``part``, ``plan``, ``original``, ``rejects``, ``dropped file``, ``record`` or ``left over``.
    """
    name: str
    """``gs://<bucket>/<name>#<generation>``."""
    rows: int | None
    is_deleted: bool
