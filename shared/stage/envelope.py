"""Data keys of encrypted parts: made, wrapped, opened, and wrapped again under a newer key.

A data key is used for one part. It is wrapped with AES-256-GCM under a key-encryption key, which is
one version of a secret that only Secret Manager holds; the part's name is bound into it. The
wrapped key is kept twice: in the manifest, which never changes, and in the metadata of the part's
object, where a rotation replaces it without touching the part.
"""

import re
import secrets as randomness
from collections.abc import Callable
from typing import Any

from shared.core.manifests import WrappedKey
from shared.errors import IntegrityError, InvalidConfigError
from shared.secrets import Secret, Secrets, pinned
from shared.stage.sealing import KEY_BYTES, NONCE_BYTES

KEY_SECRET = "staging-key"  # noqa: S105 - a secret's name, not a secret
"""Name of the secret with the key-encryption keys, one per version: 64 hexadecimal digits."""

_KEY_ID = re.compile(rf"{KEY_SECRET}:[1-9][0-9]{{0,8}}")


class Envelope:
    """Makes and opens data keys."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def new_key(self, name: str) -> tuple[bytes, WrappedKey]:
        """Return a fresh data key for an object, plain and wrapped."""
        key = randomness.token_bytes(KEY_BYTES)
        return key, _wrap(name, key, self._secrets.get(KEY_SECRET))

    def open_key(
        self, name: str, wrapped: WrappedKey, renewed: Callable[[], WrappedKey | None]
    ) -> bytes:
        """Return the data key of an object.

        Args:
            name: the object's name.
            wrapped: its key as the manifest has it.
            renewed: finds its key as the object has it; asked only where the version that the
                manifest names cannot be read any more.

        Raises:
            IntegrityError: the wrapped key does not belong to this object or to this key.
            InvalidConfigError: the key-encryption key cannot be read, or is no key.
        """
        try:
            return self._open(name, wrapped)
        except InvalidConfigError:
            newer = renewed()
            if newer is None or newer.key_id == wrapped.key_id:
                raise
            return self._open(name, newer)

    def rewrap(self, name: str, wrapped: WrappedKey, version: int) -> WrappedKey:
        """Wrap an object's data key under another version of the key-encryption key.

        Raises:
            IntegrityError, InvalidConfigError: as ``open_key``.
        """
        newer = self._secrets.get(pinned(KEY_SECRET, version))
        return _wrap(name, self._open(name, wrapped), newer)

    def _open(self, name: str, wrapped: WrappedKey) -> bytes:
        from cryptography.exceptions import InvalidTag

        if not _KEY_ID.fullmatch(wrapped.key_id):
            raise IntegrityError(
                f"the data key of {name} names the key {wrapped.key_id!r}, which is no version of "
                f"secret {KEY_SECRET}: the manifest was altered, or is of an older release. "
                "Extract the table again",
                object=name,
            )
        cipher = _cipher(self._secrets.get(wrapped.key_id))
        try:
            nonce, sealed = bytes.fromhex(wrapped.nonce), bytes.fromhex(wrapped.ciphertext)
            key: bytes = cipher.decrypt(nonce, sealed, name.encode())
        except (InvalidTag, ValueError) as exc:
            raise IntegrityError(
                f"the data key of {name} does not open with {wrapped.key_id}: the manifest was "
                "altered, or names the key of another part. Extract the table again",
                object=name,
            ) from exc
        return key


def new_wrapping_key() -> bytes:
    """Return a fresh key-encryption key, in the form that its secret has."""
    return randomness.token_hex(KEY_BYTES).encode()


def _wrap(name: str, key: bytes, by: Secret) -> WrappedKey:
    nonce = randomness.token_bytes(NONCE_BYTES)
    return WrappedKey(
        key_id=pinned(KEY_SECRET, by.version),
        nonce=nonce.hex(),
        ciphertext=_cipher(by).encrypt(nonce, key, name.encode()).hex(),
    )


def _cipher(secret: Secret) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        key = bytes.fromhex(secret.text().strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidConfigError(
            f"version {secret.version} of secret {KEY_SECRET} must be {2 * KEY_BYTES} hex digits"
        )
    return AESGCM(key)
