"""ID tokens that Google signs for people and service accounts, verified here, not only in front.

One algorithm, one issuer, one audience; the keys come from one place that no caller can name.
"""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Any

from shared.errors import StorageUnavailableError

CERTS_URL = "https://www.googleapis.com/oauth2/v3/certs"
"""Google's public keys as a JSON Web Key Set. Source: Google Identity, "Verify the ID token"."""

ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
"""Source: the same."""

ALGORITHM = "RS256"
"""The only one accepted, whatever a token's header says. Source: RFC 8725, section 3.1."""

CLOCK_SKEW_S = 30
"""How far a token's clock may be from this one."""

LIFE_S = 3600
"""A token that claims to live longer is refused. Source: Google's live for an hour."""

CERTS_S = 3600.0
"""Keys are asked for so often; Google changes them every few days."""

EARLIEST_S = 60.0
"""Not more often than this, though a token names a key that is not known."""

TIMEOUT_S = 10.0


class InvalidTokenError(Exception):
    """A token that proves nothing; the message is for the log, not for the caller."""


@dataclass(slots=True)
class _Keys:
    pems: Mapping[str, bytes]
    read_s: float


class IdTokens:
    """Verifies ID tokens for one audience."""

    def __init__(self, audience: str, certs_url: str = CERTS_URL) -> None:
        self._audience = audience
        self._certs_url = certs_url
        self._keys = _Keys(MappingProxyType({}), -CERTS_S)
        self._lock = Lock()

    def email(self, token: str) -> str:
        """Return the verified e-mail address of the account that a token was signed for.

        Raises:
            InvalidTokenError: it is no such token, or not for this audience, or not now.
            StorageUnavailableError: Google's keys cannot be had.
        """
        from google.auth import exceptions, jwt

        key_id = _key_id(token)
        try:
            claims = jwt.decode(
                token,
                certs=self._pems(key_id),
                audience=self._audience,
                clock_skew_in_seconds=CLOCK_SKEW_S,
            )
        except (ValueError, exceptions.GoogleAuthError) as exc:
            raise InvalidTokenError(str(exc)) from exc
        return _email(claims)

    def _pems(self, key_id: str) -> dict[str, bytes]:
        with self._lock:
            age_s = time.monotonic() - self._keys.read_s
            is_old = age_s > CERTS_S or (key_id not in self._keys.pems and age_s > EARLIEST_S)
            if is_old:
                self._keys = _Keys(self._fetch(), time.monotonic())
            return dict(self._keys.pems)

    def _fetch(self) -> Mapping[str, bytes]:
        import requests

        try:
            reply = requests.get(self._certs_url, timeout=TIMEOUT_S)
            reply.raise_for_status()
            found = {key["kid"]: _pem(key) for key in reply.json()["keys"] if _is_ours(key)}
        except (requests.RequestException, ValueError, KeyError, TypeError) as exc:
            raise StorageUnavailableError(f"Google's public keys cannot be had: {exc}") from exc
        return MappingProxyType(found)


def _key_id(token: str) -> str:
    """Return the key that a token's header names.

    Raises:
        InvalidTokenError: it is no token, or of another algorithm.
    """
    from google.auth import exceptions, jwt

    try:
        header = jwt.decode_header(token)
    except (ValueError, exceptions.GoogleAuthError) as exc:
        raise InvalidTokenError(str(exc)) from exc
    if not isinstance(header, dict) or header.get("alg") != ALGORITHM:
        raise InvalidTokenError(f"not signed with {ALGORITHM}")
    return str(header.get("kid", ""))


def _email(claims: Mapping[str, Any]) -> str:
    if claims.get("iss") not in ISSUERS:
        raise InvalidTokenError("not issued by Google")
    if claims["exp"] - claims["iat"] > LIFE_S + CLOCK_SKEW_S:
        raise InvalidTokenError("it claims to live too long")
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        raise InvalidTokenError("it names no verified e-mail address")
    return email.lower()


def _is_ours(key: Mapping[str, str]) -> bool:
    return key["kty"] == "RSA" and key.get("alg", ALGORITHM) == ALGORITHM


def _pem(key: Mapping[str, str]) -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    numbers = RSAPublicNumbers(e=_number(key["e"]), n=_number(key["n"]))
    return numbers.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
