"""Client-side encryption of staged parts: Parquet's own AES_GCM_V1 under a fresh key per part.

The data key is wrapped with AES-256-GCM by a key-encryption key that only Secret Manager holds.
The object's name is bound into both, so a part that was swapped for another does not open.
"""

import secrets as randomness
from typing import Any

from shared.core.manifests import WrappedKey
from shared.errors import IntegrityError, InvalidConfigError
from shared.secrets import Secrets

KEY_BYTES = 32
NONCE_BYTES = 12
"""Source: NIST SP 800-38D, section 8.2.1: 96-bit nonces."""

KEY_SECRET = "staging-key"  # noqa: S105 - a secret's name, not a secret
"""Name of the secret with the key-encryption key: 64 hexadecimal digits."""


class Envelope:
    """Makes and opens data keys."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def new_key(self, name: str) -> tuple[bytes, WrappedKey]:
        """Return a fresh data key for an object, plain and wrapped."""
        key = randomness.token_bytes(KEY_BYTES)
        nonce = randomness.token_bytes(NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, key, name.encode())
        return key, WrappedKey(key_id=KEY_SECRET, nonce=nonce.hex(), ciphertext=sealed.hex())

    def open_key(self, name: str, wrapped: WrappedKey) -> bytes:
        """Return the data key of an object.

        Raises:
            IntegrityError: the wrapped key does not belong to this object or to this key.
        """
        from cryptography.exceptions import InvalidTag

        try:
            key: bytes = self._cipher().decrypt(
                bytes.fromhex(wrapped.nonce), bytes.fromhex(wrapped.ciphertext), name.encode()
            )
        except (InvalidTag, ValueError) as exc:
            raise IntegrityError(
                f"the data key of {name} does not open with secret {wrapped.key_id}: the part or "
                "its manifest was altered, or the key was replaced",
                object=name,
            ) from exc
        return key

    def _cipher(self) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            key = bytes.fromhex(self._secrets.get(KEY_SECRET).text())
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise InvalidConfigError(f"secret {KEY_SECRET} must be {2 * KEY_BYTES} hex digits")
        return AESGCM(key)
