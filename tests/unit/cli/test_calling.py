"""Calls of the API that go wrong: one sentence says so, whatever answers, without any secret."""

import json
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from shared.cli import calling
from shared.cli.app import app
from shared.cli.calling import Caller
from shared.errors import InvalidConfigError, InvalidMessageError, RetryableError, SluiceError
from shared.settings import ApiAccess, api_access
from tests.bytes_server import reply, serving

PROBLEM = "application/problem+json"
UNDER_WAY = reply("409 Conflict", json.dumps({"code": "under_way"}), Content_Type=PROBLEM)
DONE = reply("202 Accepted", '{"run_id": "r"}', Content_Type="application/json")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "PAUSE_S", 0.001)


def caller(url: str) -> Caller:
    return Caller(ApiAccess(url=url, key="secret"))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply("200 OK", "<html>", Content_Type="text/html"), InvalidConfigError),
        (reply("200 OK", "[]", Content_Type="application/json"), InvalidConfigError),
        (reply("200 OK", '{"status": "up"}'), InvalidConfigError),
        (reply("400 Bad", "<html>", Content_Type=PROBLEM), InvalidMessageError),
        (reply("400 Bad", '{"code": 7, "detail": []}', Content_Type=PROBLEM), InvalidMessageError),
    ],
)
def test_answer_of_another_server_is_an_error_of_ours(
    answer: bytes, kind: type[SluiceError]
) -> None:
    with serving(answer) as (url, _), pytest.raises(kind, match="no answer of Sluice") as raised:
        list(caller(url).pages("runs"))

    assert "secret" not in raised.value.message


@pytest.mark.parametrize("name", ["key", "id_token"])
@pytest.mark.parametrize("value", ["s\u2026", "s\nx", "s\x00"])
def test_key_that_no_header_can_hold_is_refused_unseen(name: str, value: str) -> None:
    with pytest.raises(InvalidConfigError, match=r"SLUICE_API_(KEY|TOKEN)") as raised:
        Caller(ApiAccess(url="https://example.com", **{name: value}))  # type: ignore[arg-type]

    assert value not in raised.value.message


def test_space_around_what_the_environment_says_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLUICE_API_URL", " https://example.com/\n")
    monkeypatch.setenv("SLUICE_API_KEY", "k\n")
    monkeypatch.setenv("SLUICE_API_TOKEN", " ")

    assert api_access() == ApiAccess(url="https://example.com", key="k", id_token=None)


@pytest.mark.parametrize("words", [("runs",), ("logs", "flights")])
def test_password_in_the_address_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SLUICE_API_URL", "https://elsewhere.invalid")
    monkeypatch.setenv("SLUICE_API_KEY", "k")

    found = CliRunner().invoke(app, ("--api", "https://user:s3cret@example.com", *words))

    assert isinstance(found.exception, InvalidConfigError)
    assert "s3cret" not in f"{found.output}{found.exception!r}"


@pytest.mark.parametrize(
    ("shown", "sent"), [({"key": "k"}, None), ({"key": "k", "id_token": "t"}, "Bearer t")]
)
def test_environment_adds_certificates_and_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shown: dict[str, str], sent: str | None
) -> None:
    netrc, url = tmp_path / "netrc", "https://example.com"
    netrc.write_text("default login someone password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/certificates.pem")
    session = Caller(ApiAccess(url=url, **shown))._session  # type: ignore[arg-type]

    prepared = session.prepare_request(requests.Request("GET", url))
    around = session.merge_environment_settings(url, {}, None, None, None)

    assert prepared.headers.get("Authorization") == sent
    assert prepared.headers["X-API-Key"] == "k"
    assert around["verify"] == "/certificates.pem"


def test_call_by_tls_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(*[reply("502 No")] * calling.TRIES) as (proxy, asked):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(RetryableError, match="ProxyError"):
            caller("https://example.invalid").get("runs")

    assert asked[0].startswith(b"CONNECT example.invalid:443")
    assert b"secret" not in b"".join(asked)


def test_key_for_this_machine_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    with serving(reply("200 OK", "{}")) as (url, asked):
        caller(url).get("runs")

    assert len(asked) == 1


def test_post_is_asked_about_as_long_as_the_first_is_carried_out() -> None:
    answers = [reply("503 Busy"), *[UNDER_WAY] * (2 * calling.TRIES), DONE]

    with serving(*answers) as (url, asked):
        assert caller(url).post("pipeline/run") == {"run_id": "r"}

    assert len(asked) == len(answers)


def test_post_that_stays_under_way_ends_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "HELD_S", 0.0)

    with serving(*[UNDER_WAY] * 20) as (url, asked), pytest.raises(SluiceError):
        caller(url).post("pipeline/run")

    assert len(asked) == calling.TRIES


@pytest.mark.parametrize("answer", [b"", reply("503 Busy"), reply("500 Broken")])
def test_post_without_an_answer_may_have_been_carried_out(answer: bytes) -> None:
    answers = [answer] * calling.TRIES
    with serving(*answers) as (url, _), pytest.raises(RetryableError, match="`sluice runs` before"):
        caller(url).post("pipeline/run")
    with serving(*answers) as (url, _), pytest.raises(RetryableError, match="run it again") as read:
        caller(url).get("runs")

    assert "carried out" not in read.value.message
