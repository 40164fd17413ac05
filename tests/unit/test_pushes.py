"""Who may push: Pub/Sub, as one account, to one function; all others are turned away unread."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Request
from functions_framework import create_app
from werkzeug.test import EnvironBuilder

from local.http_json import JsonServer, Route
from local.pubsub.identity import Identity
from shared import entrypoint, wiring
from shared.core.deliveries import Delivery
from shared.errors import InvalidConfigError
from shared.settings import PushSettings
from shared.tokens import REMOVED
from shared.wiring import Services

ACCOUNT = "acme-push@acme.iam.gserviceaccount.com"
AUDIENCE = "https://acme-load.example.com"
BODY = json.dumps(
    {
        "message": {
            "data": base64.b64encode(b"order").decode(),
            "messageId": "1",
            "publishTime": "2026-01-01T00:00:00Z",
        }
    }
).encode()


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Return what signs pushes."""
    return Identity(tmp_path_factory.mktemp("identity") / "key.pem")


@pytest.fixture(scope="module")
def certs(identity: Identity) -> str:
    """Publish its key; return where."""
    server = JsonServer(0, [Route("GET", "/certs", lambda _: identity.certs())])
    return f"http://127.0.0.1:{server.server_port}/certs"


@pytest.fixture
def environment(certs: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Set up a function on a laptop, and forget it afterwards."""
    for name, value in {
        "SLUICE_PROJECT": "acme",
        "SLUICE_PREFIX": "acme",
        "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",
        "SLUICE_PUSH_ACCOUNT": ACCOUNT,
        "SLUICE_PUSH_AUDIENCE": AUDIENCE,
        "SLUICE_ID_TOKEN_CERTS": certs,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("K_SERVICE", raising=False)
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    _forget()
    yield monkeypatch
    _forget()


def _forget() -> None:
    wiring.pushes.cache_clear()
    wiring.services.cache_clear()


def pushed(authorization: str | None, **others: str) -> tuple[int, list[bytes]]:
    """Push to a step that notes what it is sent; return the status, and that."""
    headers = {"Authorization": authorization, **others} if authorization else {}
    builder = EnvironBuilder(method="POST", data=BODY, headers=headers)
    seen: list[bytes] = []

    def decode(delivery: Delivery) -> bytes:
        return delivery.data

    def note(data: bytes, _: Services) -> None:
        seen.append(data)

    return entrypoint.push(Request(builder.get_environ()), decode, note)[1], seen


def bearer(identity: Identity, account: str = ACCOUNT, audience: str = AUDIENCE) -> str:
    """Return the header of a push."""
    return f"Bearer {identity.token(account, audience)}"


@pytest.mark.usefixtures("environment")
def test_a_push_of_the_one_account_passes(identity: Identity) -> None:
    assert pushed(bearer(identity)) == (204, [b"order"])


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer ", "Bearer a.b.c"])
def test_a_push_without_a_token_is_refused_unread(header: str | None) -> None:
    assert pushed(header) == (401, [])


@pytest.mark.usefixtures("environment")
def test_a_push_of_another_account_is_refused(identity: Identity) -> None:
    another = "acme-api@acme.iam.gserviceaccount.com"

    assert pushed(bearer(identity, another)) == (401, [])


@pytest.mark.usefixtures("environment")
def test_a_push_for_another_function_is_refused(identity: Identity) -> None:
    assert pushed(bearer(identity, audience="https://acme-extract.example.com")) == (401, [])


@pytest.mark.usefixtures("environment")
def test_a_push_that_somebody_else_signed_is_refused(tmp_path: Path) -> None:
    assert pushed(bearer(Identity(tmp_path / "own.pem"))) == (401, [])


@pytest.mark.usefixtures("environment")
def test_a_push_whose_signature_was_removed_is_refused_where_nobody_removes_any(
    identity: Identity,
) -> None:
    assert pushed(f"{bearer(identity).rpartition('.')[0]}.{REMOVED}") == (401, [])


def test_behind_cloud_run_its_word_stands_for_the_signature_and_no_more(
    environment: pytest.MonkeyPatch, identity: Identity
) -> None:
    environment.setenv("K_SERVICE", "acme-load")
    environment.delenv("SLUICE_ID_TOKEN_CERTS")
    another = "acme-api@acme.iam.gserviceaccount.com"

    ours, theirs = (
        pushed(f"{bearer(identity, account).rpartition('.')[0]}.{REMOVED}")
        for account in (ACCOUNT, another)
    )

    assert ours == (204, [b"order"])
    assert theirs == (401, [])


@pytest.mark.parametrize("name", ["X-Serverless-Authorization", "x-serverless-authorization"])
def test_a_token_that_cloud_run_did_not_look_at_is_refused(
    environment: pytest.MonkeyPatch, identity: Identity, name: str
) -> None:
    environment.setenv("K_SERVICE", "acme-load")
    environment.delenv("SLUICE_ID_TOKEN_CERTS")
    forged = f"{bearer(identity).rpartition('.')[0]}.{REMOVED}"
    own = bearer(identity, "acme-api@acme.iam.gserviceaccount.com")

    assert pushed(forged, **{name: own}) == (401, [])


@pytest.mark.parametrize("missing", ["SLUICE_PUSH_ACCOUNT", "SLUICE_PUSH_AUDIENCE"])
def test_a_function_that_does_not_know_who_pushes_takes_nothing_and_loses_nothing(
    environment: pytest.MonkeyPatch, identity: Identity, missing: str
) -> None:
    environment.delenv(missing)

    assert pushed(bearer(identity)) == (500, [])


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        (["SLUICE_PUSH_ACCOUNT", "SLUICE_PUSH_AUDIENCE"], (401, [])),
        (["SLUICE_PUSH_AUDIENCE"], (500, [])),
        ([], (204, [b"order"])),
    ],
)
def test_an_emulator_pushes_without_tokens_where_no_account_is_named(
    environment: pytest.MonkeyPatch, named: list[str], wanted: tuple[int, list[bytes]]
) -> None:
    environment.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    for name in {"SLUICE_PUSH_ACCOUNT", "SLUICE_PUSH_AUDIENCE"}.difference(named):
        environment.delenv(name)

    assert pushed(None) == wanted


def test_no_emulator_pushes_in_the_cloud(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    environment.setenv("K_SERVICE", "acme-load")
    environment.delenv("SLUICE_PUSH_ACCOUNT")
    environment.delenv("SLUICE_PUSH_AUDIENCE")
    environment.delenv("SLUICE_ID_TOKEN_CERTS")

    assert pushed(None) == (500, [])


def test_keys_that_cannot_be_had_send_the_push_back(
    environment: pytest.MonkeyPatch, identity: Identity
) -> None:
    environment.setenv("SLUICE_ID_TOKEN_CERTS", "http://127.0.0.1:1/certs")

    assert pushed(bearer(identity)) == (500, [])


@pytest.mark.parametrize(
    "environ",
    [
        {"SLUICE_ID_TOKEN_CERTS": "https://evil.example.com"},
        {
            "SLUICE_ID_TOKEN_CERTS": "http://127.0.0.1:1/certs",
            "STORAGE_EMULATOR_HOST": "http://127.0.0.1:2",
            "K_SERVICE": "acme-load",
        },
    ],
)
def test_no_keys_but_googles_are_trusted_in_the_cloud(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidConfigError, match="laptop alone"):
        PushSettings.from_environment(environ)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", ["extract", "ingest", "load", "sweep"])
def test_every_function_that_is_pushed_to_asks_who_pushes(name: str) -> None:
    client = create_app(name, f"functions/{name}/main.py").test_client()

    assert client.post("/", data=BODY).status_code == 401
    assert client.get("/").status_code == 405
