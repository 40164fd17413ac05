"""Who may call: keys, roles, what is answered to everybody else, and how often anybody may."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from google.auth import crypt, jwt

from local.http_json import JsonServer, Route
from local.pubsub.identity import Identity
from shared import callers
from shared.api.tokens import CLOCK_SKEW_S, IdTokens, InvalidTokenError
from shared.callers import Callers
from shared.core import access
from shared.core.access import AccessKey, AccessList, Account, Role
from shared.errors import InvalidMessageError
from shared.wire import from_json
from tests.unit.api.world import NOW, MemorySecrets, World

AUDIENCE = "https://acme-api.example.com"


@pytest.mark.parametrize("path", ["/api/v1/tables", "/api/v1/runs", "/metrics"])
def test_a_call_without_a_key_is_refused_with_a_challenge(world: World, path: str) -> None:
    reply = world.call(path, None)

    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.data["code"] == "not_authenticated"


@pytest.mark.parametrize("change", [str.upper, lambda key: key[:-1] + "?", lambda key: key[:-2]])
def test_a_key_that_is_not_the_one_that_was_made_is_refused(world: World, change: object) -> None:
    assert callable(change)
    reply = world.call(
        "/api/v1/runs", None, authorization=f"Bearer {change(world.keys[Role.READ])}"
    )

    assert reply.status == 401


def test_a_key_under_the_name_of_another_is_refused(world: World) -> None:
    head = world.keys[Role.ADMIN][:20]
    mixed = head + world.keys[Role.READ][20:]

    assert world.call("/api/v1/runs", None, authorization=f"Bearer {mixed}").status == 401


def test_the_key_may_come_in_a_header_of_its_own(world: World) -> None:
    reply = world.call(
        "/api/v1/runs", None, authorization="Bearer of-cloud-run", x_api_key=world.keys[Role.READ]
    )

    assert reply.status == 200


def test_a_role_covers_itself_and_those_below() -> None:
    covered = {(a, b) for a in Role for b in Role if a.covers(b)}

    read, operate, admin = Role
    assert covered == {(r, r) for r in Role} | {(operate, read), (admin, read), (admin, operate)}


def test_an_expired_key_is_refused() -> None:
    token, key = access.new_key(Role.READ, NOW, note="", expires_at=NOW + timedelta(days=1))
    listed = AccessList(keys=(key,))

    assert listed.of_key(token, NOW + timedelta(hours=23))
    assert listed.of_key(token, NOW + timedelta(days=1)) is None


def test_nothing_that_is_kept_opens_anything() -> None:
    secrets = MemorySecrets()
    token, key = Callers(secrets).create(Role.ADMIN, NOW)  # type: ignore[arg-type]

    kept = secrets.versions[callers.SECRET][-1].decode()

    assert token not in kept
    assert token.rpartition("_")[2] not in kept
    assert AccessList(keys=(key,)).of_key(key.sha256, NOW) is None


def test_a_revoked_key_is_gone_from_the_list() -> None:
    secrets = MemorySecrets()
    known = Callers(secrets)  # type: ignore[arg-type]
    token, key = known.create(Role.READ, NOW)
    known.grant(Account(email="ann@example.com", role=Role.ADMIN))

    known.revoke(key.id)

    assert known.known().of_key(token, NOW) is None
    assert known.known().of_account("Ann@example.com")
    with pytest.raises(InvalidMessageError, match=r"known: ann@example\.com"):
        known.revoke(key.id)


def test_a_change_that_comes_between_is_not_lost() -> None:
    class Contended(MemorySecrets):
        """Somebody else adds a key right before our first version."""

        other: AccessKey | None = None

        def add(self, name: str, value: bytes) -> int:
            if self.other is None:
                self.other = access.new_key(Role.READ, NOW, note="other", expires_at=None)[1]
                before = self.newest(name)
                assert before
                theirs = from_json(AccessList, before[0], name).with_key(self.other)
                super().add(name, callers.to_json(theirs))
            return super().add(name, value)

    secrets = Contended()
    super(Contended, secrets).add(callers.SECRET, callers.to_json(AccessList()))

    _, ours = Callers(secrets).create(Role.READ, NOW)  # type: ignore[arg-type]

    newest = secrets.newest(callers.SECRET)
    assert newest
    assert secrets.other
    kept = from_json(AccessList, newest[0], "list").keys
    assert [key.id for key in kept] == [secrets.other.id, ours.id]


def test_too_many_calls_are_told_when_to_come_back(world: World) -> None:
    statuses = [world.call("/api/v1/nothing", Role.READ).status for _ in range(3)]
    assert statuses == [404, 404, 404]  # what is nowhere takes no key, and costs nothing

    while (reply := world.call("/api/v1/runs", None)).status == 401:
        continue

    assert reply.status == 429
    assert int(reply.headers["retry-after"]) >= 1
    assert world.call("/api/v1/runs", Role.READ).status == 200


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
    server = JsonServer(0, [Route("GET", "/certs", lambda _: identity.certs())])
    return IdTokens(AUDIENCE, f"http://127.0.0.1:{server.server_port}/certs")


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


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "…", "e30.e30.", "." * 100])
def test_what_is_no_token_is_refused(tokens: IdTokens, token: str) -> None:
    with pytest.raises(InvalidTokenError):
        tokens.email(token)
