"""Log lines: one JSON object each, with Cloud Logging's own field names."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import logs
from shared.core import traces
from shared.errors import InvalidFileError


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Return what a logger of this test writes."""
    target = io.StringIO()
    handler = logging.StreamHandler(target)
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.getLogger("test_logs")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.DEBUG)
    yield target
    logger.handlers = []


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


log = logging.getLogger("test_logs")


def test_line_has_the_fields_that_cloud_logging_knows(stream: io.StringIO) -> None:
    log.warning("part %s written", 3, extra={"rows": 5})

    (line,) = lines(stream)
    assert datetime.fromisoformat(line.pop("time")).tzinfo
    assert line == {
        "severity": "WARNING",
        "message": "part 3 written",
        "logger": "test_logs",
        "rows": 5,
    }


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_level_is_the_severity(stream: io.StringIO, level: str) -> None:
    log.log(logging.getLevelNamesMapping()[level], "x")

    assert lines(stream)[0]["severity"] == level


def test_context_is_on_every_line_inside_and_on_none_outside(stream: io.StringIO) -> None:
    with logs.context(table="flights", run_id="r"):
        with logs.context(step="load", run_id="r2"):
            log.info("inner")
        log.info("outer")
    log.info("outside")

    inner, outer, outside = lines(stream)
    assert (inner["table"], inner["run_id"], inner["step"]) == ("flights", "r2", "load")
    assert (outer["table"], outer["run_id"], outer.get("step")) == ("flights", "r", None)
    assert "table" not in outside


def test_context_ends_with_an_exception(stream: io.StringIO) -> None:
    with pytest.raises(KeyError), logs.context(table="flights"):
        raise KeyError

    log.info("outside")

    assert "table" not in lines(stream)[0]


def test_context_of_one_thread_is_not_that_of_another(stream: io.StringIO) -> None:
    with logs.context(table="flights"):
        thread = Thread(target=log.info, args=("other thread",))
        thread.start()
        thread.join()

    assert "table" not in lines(stream)[0]


def test_field_of_the_line_wins_over_the_context(stream: io.StringIO) -> None:
    with logs.context(rows=1):
        log.info("x", extra={"rows": 2})

    assert lines(stream)[0]["rows"] == 2


def test_exception_is_one_field_of_one_line(stream: io.StringIO) -> None:
    try:
        raise InvalidFileError("first\nsecond")
    except InvalidFileError:
        log.exception("failed")

    (line,) = lines(stream)
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("InvalidFileError: first\nsecond")


def test_words_of_other_exceptions_are_not_written_down_but_where_they_came_from(
    stream: io.StringIO,
) -> None:
    try:
        try:
            int("4711 0815")
        except ValueError as exc:
            raise KeyError("4711 0815") from exc
    except KeyError:
        log.exception("failed")

    (line,) = lines(stream)
    assert "4711" not in line["exception"].replace('int("4711 0815")', "").replace(
        'raise KeyError("4711 0815") from exc', ""
    )
    assert line["exception"].index("ValueError in ") < line["exception"].index("KeyError in ")
    assert "test_logs.py:" in line["exception"]


def test_words_of_the_system_are_kept(stream: io.StringIO) -> None:
    try:
        raise ConnectionRefusedError(111, "Connection refused")
    except OSError:
        log.exception("failed")

    assert "Connection refused" in lines(stream)[0]["exception"]


def test_letters_that_could_fool_a_reader_are_escaped(stream: io.StringIO) -> None:
    log.info("x", extra={"object": "safe\u202etxt.exe\ud800\x1b[2J\u2028"})

    assert stream.getvalue().isascii()
    assert lines(stream)[0]["object"] == "safe\u202etxt.exe\ud800\x1b[2J\u2028"


@given(message=st.text(), value=st.text() | st.binary() | st.datetimes() | st.complex_numbers())
def test_any_message_and_field_is_one_line_of_json(message: str, value: object) -> None:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", "value": value})

    line = logs.JsonFormatter().format(record)

    assert "\n" not in line
    assert json.loads(line)["message"] == message


@pytest.fixture
def package_logger() -> Iterator[logging.Logger]:
    """Return the package's logger without handlers, and put its own back afterwards."""
    logger = logging.getLogger("shared")
    kept = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [], True
    yield logger
    logger.handlers, logger.level, logger.propagate = kept


def test_configuring_twice_writes_each_line_once(
    package_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()
    logs.configure()

    logging.getLogger("shared.steps").info("x")

    written = capsys.readouterr()
    assert [json.loads(line)["message"] for line in written.err.splitlines()] == ["x"]
    assert written.out == ""


def test_lines_below_info_are_not_written(
    package_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()

    logging.getLogger("shared.steps").debug("x")

    assert capsys.readouterr().err == ""


def test_line_about_a_run_names_its_trace_and_that_of_an_attempt_its_span() -> None:
    record = logging.makeLogRecord({"msg": "x", "run_id": "r", "attempt_id": "a"})

    line = json.loads(logs.JsonFormatter("acme").format(record))

    assert line["logging.googleapis.com/trace"] == f"projects/acme/traces/{traces.trace_id('r')}"
    assert line["logging.googleapis.com/spanId"] == traces.span_id("a")
    other = json.loads(logs.JsonFormatter("acme").format(logging.makeLogRecord({"msg": "x"})))
    assert "logging.googleapis.com/trace" not in other
