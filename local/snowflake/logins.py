"""Key-pair login: which users there are and whether a token was signed by one of them.

`users.json` in the state folder names the users and their public keys, as ALTER USER … SET
RSA_PUBLIC_KEY would: `{"USER": "<PEM>"}`, or a list of PEMs while a key is being rotated. It is
read at every login. Without the file everybody may log in, with anything.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.snowflake.errors import SnowflakeError

# Snowflake allows this much difference between its clock and the client's.
_CLOCK_SKEW_S = 60
_INVALID_TOKEN = 390144
_WRONG_PASSWORD = 390100


def check(users_file: Path, login: dict[str, Any]) -> None:
    """Check the credentials of a login request's `data`.

    Raises:
        SnowflakeError: 390144 for a token that is not valid, 390100 for any other kind of login.
    """
    if not users_file.exists():
        return
    if login.get("AUTHENTICATOR") != "SNOWFLAKE_JWT":
        text = "Incorrect username or password was specified."
        raise SnowflakeError(_WRONG_PASSWORD, "08001", text)
    users = json.loads(users_file.read_text(encoding="utf-8"))
    user = str(login.get("LOGIN_NAME") or "").upper()
    keys = {name.upper(): value for name, value in users.items()}.get(user, [])
    for pem in [keys] if isinstance(keys, str) else keys:
        if _is_valid(str(login.get("TOKEN") or ""), user, pem):
            return
    raise SnowflakeError(_INVALID_TOKEN, "08001", "JWT token is invalid.")


def _is_valid(token: str, user: str, pem: str) -> bool:
    """Whether a token is signed with the key, names user and key, and is in force.

    Source: Snowflake documentation, "Key-pair authentication": RS256; `sub` is ACCOUNT.USER; `iss`
        is
    `sub` with SHA256: and the fingerprint of the public key's DER form.
    """
    key = serialization.load_pem_public_key(pem.encode("ascii"))
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        head, body, signature = token.split(".")
        signed = f"{head}.{body}".encode("ascii")
        key.verify(_decode(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(_decode(body))
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    subject, issuer = str(claims.get("sub", "")), str(claims.get("iss", ""))
    now = time.time()
    return (
        subject.upper().endswith(f".{user}")
        and issuer == f"{subject}.{_fingerprint(key)}"
        and float(claims.get("exp", 0)) >= now - _CLOCK_SKEW_S
        and float(claims.get("iat", 0)) <= now + _CLOCK_SKEW_S
    )


def _fingerprint(key: rsa.RSAPublicKey) -> str:
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode("ascii")


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
