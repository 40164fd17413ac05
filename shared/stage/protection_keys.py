"""Keyed hashes and tokens of texts, by a key that only Secret Manager holds.

From the key, 32 random bytes, two others are derived by HKDF-SHA256 (RFC 5869): one for hashes,
which are HMAC-SHA-256 (RFC 2104), one for tokens, which are AES-256-SIV (RFC 5297): the same text
has the same token, and an altered one does not open. docs/tables.md has what another tool needs to
compute both.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import cached_property
from typing import Any

import pyarrow as pa

from shared.config.connections import ProtectionKey
from shared.errors import InvalidConfigError, InvalidMessageError
from shared.secrets import Secrets

KEY_BYTES = 32

HASH_INFO, TOKEN_INFO = b"sluice hash", b"sluice token"
"""What tells the two derived keys apart."""

SIV_KEY_BYTES = 64
"""Source: RFC 5297, section 2.2: two keys of AES-256."""

_BLOCK_BYTES = 64
"""Of SHA-256. Source: RFC 2104, section 2."""

_HASH_CHARACTERS = 64

_TOKEN = re.compile(r"([1-9][0-9]{0,9})\.([A-Za-z0-9_-]{22,})")
"""The version of the key, then the sealed text in base64url without padding."""


class ProtectionKeys:
    """Makes hashes and tokens, and opens tokens; the key is read when it is first needed."""

    def __init__(self, secrets: Secrets, key: ProtectionKey) -> None:
        self._secrets = secrets
        self._key = key

    def hashes(self, texts: pa.Array) -> pa.Array:
        """Return the hash of each text, 64 hexadecimal digits; NULL stays NULL."""
        return _each_once(texts, self._hashed)

    def tokens(self, texts: pa.Array) -> pa.Array:
        """Return the token of each text; NULL stays NULL."""
        return _each_once(texts, self._sealed)

    def reveal(self, token: str) -> str:
        """Return the text that a token stands for, by the version of the key that made it.

        Raises:
            InvalidMessageError: it is no token of this key.
            InvalidConfigError: that version of the key cannot be read.
        """
        from cryptography.exceptions import InvalidTag

        match = _TOKEN.fullmatch(token)
        if match is None:
            raise InvalidMessageError(
                "this is no token: a token is a number, a dot, and at least 22 letters, digits, - "
                "and _; hashed, masked and redacted values cannot be revealed"
            )
        try:
            sealed = _unwritten(match[2])
            text: bytes = self._cipher(int(match[1])).decrypt(sealed, None)
            return text.decode()
        except (InvalidTag, ValueError) as exc:
            raise InvalidMessageError(
                f"the token does not open with {self._key.key_secret}/{match[1]}: it was altered, "
                "or another key made it"
            ) from exc

    def _hashed(self, texts: list[bytes]) -> pa.Array:
        start_inner, start_outer = (each.copy for each in self._pads)
        digests = []
        for text in texts:
            inner, outer = start_inner(), start_outer()
            inner.update(text)
            outer.update(inner.digest())
            digests.append(outer.digest())
        return _of_width(_HASH_CHARACTERS, b"".join(digests).hex().encode(), len(texts))

    def _sealed(self, texts: list[bytes]) -> pa.Array:
        seal, version = self._newest_cipher.encrypt, f"{self._key.key_version}.".encode()
        tokens = [version + _written(seal(text, None)) for text in texts]
        return pa.array(tokens, pa.binary()).cast(pa.string())

    @cached_property
    def _pads(self) -> tuple[Any, Any]:
        """The two hashes of RFC 2104 with the key in them: copying them halves the work of each."""
        key = self._derived(self._key.key_version, HASH_INFO, KEY_BYTES).ljust(_BLOCK_BYTES, b"\0")
        inner, outer = (bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C))
        return hashlib.sha256(inner), hashlib.sha256(outer)

    @cached_property
    def _newest_cipher(self) -> Any:
        return self._cipher(self._key.key_version)

    def _cipher(self, version: int) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        return AESSIV(self._derived(version, TOKEN_INFO, SIV_KEY_BYTES))

    def _derived(self, version: int, info: bytes, length: int) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        key = self._read(version)
        return bytes(HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(key))

    def _read(self, version: int) -> bytes:
        name = self._key.key_secret
        found = self._secrets.newest(name, str(version))
        if found is None:
            raise InvalidConfigError(
                f"secret {name} has no version {version}, which protects columns; add it, or name "
                "another in connections.protection.key_version",
                secret=name,
            )
        key = as_key(found[0])
        if key is None:
            raise InvalidConfigError(
                f"secret {name}/{version} must be {2 * KEY_BYTES} hex digits: "
                f"`openssl rand -hex {KEY_BYTES}` makes some",
                secret=name,
            )
        return key


def _written(sealed: bytes) -> bytes:
    return urlsafe_b64encode(sealed).rstrip(b"=")


def _unwritten(text: str) -> bytes:
    """Return what a text was written for.

    Raises:
        ValueError: it is another text than would be written for the same.
    """
    sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _written(sealed) != text.encode():
        raise ValueError("the last letter has bits that stand for nothing")
    return sealed


def as_key(secret: bytes) -> bytes | None:
    """Return the key that a secret spells out; None: it is none."""
    try:
        key = bytes.fromhex(secret.decode())
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _each_once(texts: pa.Array, make: Callable[[list[bytes]], pa.Array]) -> pa.Array:
    """Return what is made of each text, made once for all that are the same."""
    distinct = texts.dictionary_encode()
    made = make(distinct.dictionary.cast(pa.binary()).to_pylist())
    return made.take(distinct.indices)


def _of_width(width: int, content: bytes, count: int) -> pa.Array:
    """Return texts of one width that stand one behind the other."""
    ends = pa.array(range(0, width * count + 1, width), pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.string(), count, [None, ends, pa.py_buffer(content)])
