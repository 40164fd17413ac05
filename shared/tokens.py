"""ID tokens that Google signs for people and service accounts, verified here, not only in front.

The API asks who calls it, the other functions whether it is Pub/Sub. One algorithm, one audience;
the keys come from one place that no caller can name.
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

MAX_TOKEN_CHARS = 8192
"""A longer one is not looked at; Google's have about a thousand."""

REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"
"""What Cloud Run puts in the place of a signature that it has verified, so that nobody can use the
token again. Source: Cloud Run, "Troubleshoot Cloud Run issues", signature removed.
"""

CERTS_S = 3600.0
"""Keys are asked for so often; Google changes them every few days."""

KEPT_S = 24 * 3600.0
"""Keys stay good for so long where newer ones cannot be had."""

EARLIEST_S = 60.0
"""Not asked for more often than this, whatever key a token names."""

TIMEOUT_S = 10.0

MAX_REASON_CHARS = 200
"""A reason may name a key that is not known, which the token's maker has chosen."""


class InvalidTokenError(Exception):
    """A token that proves nothing; the message is for the log, not for the caller."""


@dataclass(slots=True)
class _Keys:
    pems: Mapping[str, bytes]
    read_s: float


class IdTokens:
    """Verifies ID tokens for one audience."""

    def __init__(
        self, audience: str, certs_url: str = CERTS_URL, *, is_checked_in_front: bool = False
    ) -> None:
        """Verify tokens for an audience.

        Args:
            audience: what tokens must be made for.
            certs_url: where the keys are.
            is_checked_in_front: Cloud Run lets in only callers whose token it has verified, and
                takes the signature off; everything else is verified all the same.
        """
        self._audience = audience
        self._certs_url = certs_url
        self._is_checked_in_front = is_checked_in_front
        self._keys = _Keys(MappingProxyType({}), -KEPT_S)
        self._asked_s = -EARLIEST_S
        self._lock = Lock()

    def email(self, token: str) -> str:
        """Return the verified e-mail address of the account that a token was signed for.

        Raises:
            InvalidTokenError: it is no such token, or not for this audience, or not now.
            StorageUnavailableError: Google's keys cannot be had.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise InvalidTokenError(f"longer than {MAX_TOKEN_CHARS} characters")
        return _email(self._claims(token, _key_id(token)), self._audience, time.time())

    def _claims(self, token: str, key_id: str) -> Mapping[str, Any]:
        from google.auth import exceptions, jwt

        has_signature = token.rpartition(".")[2] != REMOVED
        try:
            if self._is_checked_in_front and not has_signature:
                return _object(jwt.decode(token, verify=False))
            pems = self._pems(key_id)
            return _object(jwt.decode(token, certs=pems, clock_skew_in_seconds=CLOCK_SKEW_S))
        except (ValueError, TypeError, RecursionError, exceptions.GoogleAuthError) as exc:
            raise InvalidTokenError(str(exc)[:MAX_REASON_CHARS]) from exc

    def _pems(self, key_id: str) -> dict[str, bytes]:
        with self._lock:
            now_s = time.monotonic()
            is_due = key_id not in self._keys.pems or now_s - self._keys.read_s > CERTS_S
            if is_due and now_s - self._asked_s >= EARLIEST_S:
                self._asked_s = now_s
                self._renew(key_id, now_s)
            return dict(self._keys.pems)

    def _renew(self, key_id: str, now_s: float) -> None:
        try:
            self._keys = _Keys(self._fetch(), now_s)
        except StorageUnavailableError:
            if now_s - self._keys.read_s > KEPT_S:
                # Nothing can be verified without keys, so the next token asks again.
                self._keys = _Keys(MappingProxyType({}), -KEPT_S)
                self._asked_s = -EARLIEST_S
            if key_id not in self._keys.pems:
                raise

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
    except (ValueError, RecursionError, exceptions.GoogleAuthError) as exc:
        # The library's words quote the token, which may be a key that was mistyped.
        raise InvalidTokenError("it has not the form of a signed token") from exc
    if not isinstance(header, dict) or header.get("alg") != ALGORITHM:
        raise InvalidTokenError(f"not signed with {ALGORITHM}")
    return str(header.get("kid", ""))


def _object(claims: object) -> Mapping[str, Any]:
    """Return claims that are a JSON object.

    Raises:
        ValueError: they are something else.
    """
    if not isinstance(claims, dict):
        raise ValueError("its claims are no JSON object")
    return claims


def _email(claims: Mapping[str, Any], audience: str, now_s: float) -> str:
    """Return whom a token names, if all that it claims is as it must be.

    Raises:
        InvalidTokenError: it is not.
    """
    made_s: Any = claims.get("iat")
    ends_s: Any = claims.get("exp")
    if claims.get("iss") not in ISSUERS:
        raise InvalidTokenError("not issued by Google")
    if claims.get("aud") != audience:
        raise InvalidTokenError("made for another audience")
    if type(made_s) not in (int, float) or type(ends_s) not in (int, float):
        raise InvalidTokenError("it does not say from when to when it holds")
    if not made_s - CLOCK_SKEW_S <= now_s < ends_s + CLOCK_SKEW_S:
        raise InvalidTokenError("it does not hold now")
    if not ends_s - made_s <= LIFE_S + CLOCK_SKEW_S:
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
