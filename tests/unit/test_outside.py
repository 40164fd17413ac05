"""What is sent elsewhere: never to a wrong address, never waited for, and no step fails for it."""

import logging
import time
from dataclasses import replace

import pytest

from shared import lineage, outside, spans
from shared.bus import Bus
from shared.core.otlp import Timing
from shared.errors import InvalidConfigError
from shared.settings import Settings
from tests.bytes_server import reply, serving

FOUND = [
    Timing(trace_id="a" * 32, span_id="b" * 16, parent_id="", name="load", started_ns=1, ended_ns=2)
]
SETTINGS = Settings(project="acme", prefix="acme", code_version="1.2.3")

GARBAGE = {
    "another protocol": b"SSH-2.0-OpenSSH\r\n",
    "header too long": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "nothing": b"",
    "refusal": reply("500 Broken"),
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_answer_that_is_garbage_is_logged_and_nothing_fails(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(answer, answer) as (url, asked):
        spans.deliver(replace(SETTINGS, traces=f"otlp:{url}/v1/traces"), "load", FOUND)
        lineage.deliver(f"{url}/lineage", [b'{"eventType": "START"}'], Bus())

    assert len(asked) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1/v1",
        "https://collector:port/v1",
        "https://127.0.0.1:9/v1/tra ces",
        f"https://{'a' * 70}.example/v1",
        "https:///v1",
        "https://user:s3cret@127.0.0.1:9/v1",
    ],
)
def test_wrong_address_is_named_by_its_setting_and_not_quoted(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidConfigError, match="SLUICE_TRACES") as raised:
        outside.post(url, b"", "text/plain", what="SLUICE_TRACES", timeout_s=1.0)
    spans.deliver(replace(SETTINGS, traces=f"otlp:{url}"), "load", FOUND)

    assert "s3cret" not in raised.value.message + caplog.text
    assert "spans were not delivered" in caplog.text


def test_collector_that_sends_a_byte_now_and_then_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spans, "TIMEOUT_S", 0.2)
    began_s = time.monotonic()

    with serving(reply("200 OK"), pause_s=0.1) as (url, _):
        spans.deliver(replace(SETTINGS, traces=f"otlp:{url}/v1/traces"), "load", FOUND)
        took_s = time.monotonic() - began_s

    assert took_s < 2.0  # all bytes take 6 s
    assert "did not end in 0.2 s" in str(vars(caplog.records[0])["why"])


def test_spans_that_cannot_be_encoded_fail_no_step(caplog: pytest.LogCaptureFixture) -> None:
    wrong = [replace(FOUND[0], started_ns="yesterday")]  # type: ignore[arg-type]

    spans.deliver(replace(SETTINGS, traces="otlp:https://127.0.0.1:9/v1"), "load", wrong)

    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_body_of_an_answer_is_not_waited_for() -> None:
    with serving(reply("200 OK", Content_Length="1000")) as (url, asked):
        outside.post(url, b"spans", "text/plain", what="SLUICE_TRACES", timeout_s=5.0)

    assert asked[0].endswith(b"\r\n\r\nspans")
