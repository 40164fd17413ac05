"""The emulator's own certificate authority for pushes: signs OIDC tokens, publishes the key.

A token has the form of Google's, RS256 under ``https://accounts.google.com``, but another key
signs it: whoever verifies it must take the keys from the control port's ``GET /certs``.
"""

import base64
import contextlib
import os
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

ISSUER = "https://accounts.google.com"
TOKEN_LIFE_S = 3600
"""Source: Pub/Sub, "Authentication for push subscriptions": tokens live for an hour at most."""
TOKEN_REUSE_S = 600
"""Signing costs a millisecond, so a token serves many pushes."""
KEY_BITS = 2048
PUSH_KEY = "push-key.pem"
"""File name of the key, in the state directory."""


class Identity:
    """One RSA key, made when it is first needed and kept in a file."""

    def __init__(self, path: Path) -> None:
        """Keep the key at this path, readable by its owner alone."""
        self._path = path
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}

    def token(self, email: str, audience: str) -> str:
        """Return a signed token for a service account and an audience."""
        with self._lock:
            now_s = time.time()
            made_s, token = self._tokens.get((email, audience), (0.0, ""))
            if now_s - made_s > TOKEN_REUSE_S:
                token = self._sign(email, audience, int(now_s))
                self._tokens[email, audience] = (now_s, token)
            return token

    def certs(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set."""
        with self._lock:
            numbers = self._key.public_key().public_numbers()
            key = {"n": _base64url(numbers.n), "e": _base64url(numbers.e)}
            return {
                "keys": [
                    {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self._key_id, **key},
                ]
            }

    def _sign(self, email: str, audience: str, now_s: int) -> str:
        payload = {
            "iss": ISSUER,
            "aud": audience,
            "azp": email,
            "sub": email,
            "email": email,
            "email_verified": True,
            "iat": now_s,
            "exp": now_s + TOKEN_LIFE_S,
        }
        signer = crypt.RSASigner(self._key, key_id=self._key_id)
        return bytes(jwt.encode(signer, payload)).decode()

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        if not self._path.exists():
            self._make()
        key = serialization.load_pem_private_key(self._path.read_bytes(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 - we made it
        return key

    @property
    def _key_id(self) -> str:
        return f"{self._key.public_key().public_numbers().n & 0xFFFFFFFFFFFFFFFF:016x}"

    def _make(self) -> None:
        pem = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        partial = self._path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        # Two processes that make it at once must end with the same key.
        with contextlib.suppress(FileExistsError):
            os.link(partial, self._path)
        partial.unlink()


def _base64url(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
