"""ID tokens: whose they are, for whom, until when, and what does not pass for one."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth import crypt, jwt

from local.http_json import JsonServer, Route
from local.pubsub.identity import Identity
from shared import tokens as module
from shared.errors import StorageUnavailableError
from shared.tokens import (
    CLOCK_SKEW_S,
    EARLIEST_S,
    KEPT_S,
    MAX_TOKEN_CHARS,
    REMOVED,
    IdTokens,
    InvalidTokenError,
)

AUDIENCE = "https://acme-api.example.com"


def claims(**changes: object) -> dict[str, object]:
    """Return the claims of a token that Google could have signed just now."""
    now_s = int(time.time())
    return {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": "Ann@example.com",
        "email_verified": True,
        "iat": now_s,
        "exp": now_s + 3600,
    } | changes


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Return a signer of tokens."""
    return Identity(tmp_path_factory.mktemp("identity") / "key.pem")


@pytest.fixture(scope="module")
def tokens(identity: Identity) -> IdTokens:
    """Verify tokens with the keys that a server of the signer publishes."""
    return IdTokens(AUDIENCE, certs_of(identity))


def certs_of(identity: Identity) -> str:
    """Publish the keys of a signer; return where."""
    server = JsonServer(0, [Route("GET", "/certs", lambda _: identity.certs())])
    return f"http://127.0.0.1:{server.server_port}/certs"


def signed(identity: Identity, **changes: object) -> str:
    """Return a signed token."""
    signer = crypt.RSASigner(identity._key, key_id=identity._key_id)
    return bytes(jwt.encode(signer, claims(**changes))).decode()


def test_a_token_that_google_signed_names_its_account(identity: Identity, tokens: IdTokens) -> None:
    assert tokens.email(signed(identity)) == "ann@example.com"


NOW_S = int(time.time())


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "https://elsewhere.example.com"},
        {"iss": "https://accounts.example.com"},
        {"email_verified": False},
        {"email": None},
        {"exp": NOW_S - CLOCK_SKEW_S - 1, "iat": NOW_S - 3600},
        {"iat": NOW_S + 36_000, "exp": NOW_S + 36_600},
        {"exp": NOW_S + 86_400},
        {"exp": None},
        {"iat": "now"},
        {"aud": [AUDIENCE]},
    ],
    ids=",".join,
)
def test_a_token_of_somebody_or_sometime_else_is_refused(
    identity: Identity, tokens: IdTokens, wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidTokenError):
        tokens.email(signed(identity, **wrong))


def test_a_token_of_another_key_is_refused(tokens: IdTokens, tmp_path: Path) -> None:
    with pytest.raises(InvalidTokenError):
        tokens.email(signed(Identity(tmp_path / "other.pem")))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256"])
def test_the_algorithm_is_not_the_callers_to_choose(
    identity: Identity, tokens: IdTokens, algorithm: str
) -> None:
    signer = crypt.RSASigner(identity._key, key_id=identity._key_id)
    token = bytes(jwt.encode(signer, claims(), header={"alg": algorithm})).decode()

    with pytest.raises(InvalidTokenError, match="not signed with RS256"):
        tokens.email(token)


def part(value: bytes) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


HEADER = part(b'{"alg": "RS256", "kid": "a"}')


@pytest.mark.parametrize(
    "token",
    [
        *("", "a", "a.b", "a.b.c", "…", "e30.e30.", "." * 100, f"{HEADER}.W10.", "a" * 100_000),
        f"{part(b'[' * 5_000)}.e30.",
        f"{HEADER}.{part(b'[' * 5_000)}.",
    ],
    ids=lambda token: token[:20],
)
def test_what_is_no_token_is_refused(tokens: IdTokens, token: str) -> None:
    with pytest.raises(InvalidTokenError):
        tokens.email(token)


def without_signature(identity: Identity, **changes: object) -> str:
    """Return a token as Cloud Run hands it on."""
    return f"{signed(identity, **changes).rpartition('.')[0]}.{REMOVED}"


def test_a_signature_that_was_removed_counts_only_behind_who_removes_it(
    identity: Identity, tokens: IdTokens
) -> None:
    behind = IdTokens(AUDIENCE, "http://127.0.0.1:1/", is_checked_in_front=True)

    assert behind.email(without_signature(identity)) == "ann@example.com"
    with pytest.raises(InvalidTokenError):
        tokens.email(without_signature(identity))


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "https://elsewhere.example.com"},
        {"iss": "https://accounts.example.com"},
        {"email_verified": False},
        {"exp": NOW_S - CLOCK_SKEW_S - 1, "iat": NOW_S - 3600},
        {"iat": NOW_S + 36_000, "exp": NOW_S + 36_600},
        {"exp": float("nan")},
        {"exp": None},
    ],
    ids=",".join,
)
def test_all_else_is_verified_without_a_signature_too(
    identity: Identity, wrong: dict[str, object]
) -> None:
    behind = IdTokens(AUDIENCE, "http://127.0.0.1:1/", is_checked_in_front=True)

    with pytest.raises(InvalidTokenError):
        behind.email(without_signature(identity, **wrong))


def test_a_wrong_signature_is_refused_behind_cloud_run_too(
    identity: Identity, tmp_path: Path
) -> None:
    behind = IdTokens(AUDIENCE, certs_of(identity), is_checked_in_front=True)

    with pytest.raises(InvalidTokenError):
        behind.email(signed(Identity(tmp_path / "other.pem")))


class Clock:
    """A clock that stands until somebody moves it."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return time.time()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Let the module go by a clock of the test's own."""
    stopped = Clock()
    monkeypatch.setattr(module, "time", stopped)
    return stopped


def counted(identity: Identity, asked: list[int]) -> IdTokens:
    """Return what counts how often the keys are asked for; ``asked[1:]`` makes them fail."""

    def certs(_: object) -> object:
        asked[0] += 1
        return identity.certs() if len(asked) == 1 else {}

    server = JsonServer(0, [Route("GET", "/certs", certs)])
    return IdTokens(AUDIENCE, f"http://127.0.0.1:{server.server_port}/certs")


def test_keys_are_asked_for_once_for_many_tokens(identity: Identity, clock: Clock) -> None:
    asked = [0]
    tokens = counted(identity, asked)

    for _ in range(10):
        tokens.email(signed(identity))

    assert asked == [1]


def test_tokens_of_unknown_keys_do_not_make_it_ask_again_and_again(
    identity: Identity, clock: Clock, tmp_path: Path
) -> None:
    asked, other = [0], Identity(tmp_path / "other.pem")
    tokens = counted(identity, asked)

    for _ in range(10):
        with pytest.raises(InvalidTokenError):
            tokens.email(signed(other))
    clock.now_s += EARLIEST_S
    tokens.email(signed(identity))

    assert asked == [1]


def test_keys_outlive_a_day_of_their_place_at_most(identity: Identity, clock: Clock) -> None:
    asked = [0]
    tokens = counted(identity, asked)
    tokens.email(signed(identity))

    asked.append(0)
    clock.now_s += KEPT_S - 1
    assert tokens.email(signed(identity)) == "ann@example.com"
    clock.now_s += EARLIEST_S

    for _ in range(2):
        with pytest.raises(StorageUnavailableError):
            tokens.email(signed(identity))


def test_a_token_is_no_longer_than_it_needs_to_be(identity: Identity) -> None:
    token = signed(identity, sub="1" * 21, email="a" * 64 + "@" + "b" * 63 + ".example.com")

    assert len(token) < MAX_TOKEN_CHARS / 4
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["alg"] == "RS256"
