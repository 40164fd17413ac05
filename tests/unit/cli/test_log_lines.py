"""Log lines, from files of a laptop and from an answer of Cloud Logging."""

import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.log_lines import CloudLogging, LogFiles, Wanted
from shared.errors import InvalidConfigError, StorageUnavailableError

NOW = datetime(2024, 1, 31, 12, tzinfo=UTC)
RUN = "20240131T030000Z-0123456789ab"


def a_line(message: str, minutes: int = 0, **fields: Any) -> dict[str, Any]:
    at = (NOW + timedelta(minutes=minutes)).isoformat()
    return {"severity": "INFO", "time": at, "message": message, "logger": "shared", **fields}


def write(path: Path, *lines: Any) -> Path:
    with path.open("a") as file:
        file.writelines(
            f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines
        )
    return path


def wanted(**given: Any) -> Wanted:
    return Wanted(**{"since": NOW - timedelta(days=1), **given})


def test_files_of_all_functions_are_one_story(tmp_path: Path) -> None:
    load = write(tmp_path / "load", a_line("loaded", 2))
    extract = write(tmp_path / "extract", "Booting worker", a_line("staged", 1), "[1, 2]", "{")

    found = LogFiles([load, extract, tmp_path / "never written"], wanted()).new()

    assert [line["message"] for line in found] == ["staged", "loaded"]


def test_only_what_was_asked_for_is_shown(tmp_path: Path) -> None:
    path = write(
        tmp_path / "load",
        a_line("other table", table="weather", run_id=RUN),
        a_line("this", table="flights", run_id=RUN, severity="ERROR"),
        a_line("mild", table="flights", run_id=RUN),
        a_line("long ago", -60 * 48, table="flights", severity="ERROR"),
    )

    by_table = LogFiles([path], wanted(table="flights", severity="WARNING")).new()
    by_run = LogFiles([path], wanted(run_id=RUN[:12])).new()

    assert [line["message"] for line in by_table] == ["this"]
    assert [line["message"] for line in by_run] == ["other table", "this", "mild"]


def test_what_comes_is_shown_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "load", a_line("first"))
    lines = LogFiles([path], wanted())
    lines.new()

    second = json.dumps(a_line("second")) + "\n"
    with path.open("a") as file:
        file.write(second[:20])
    nothing = lines.new()
    with path.open("a") as file:
        file.write(second[20:])

    assert nothing == []
    assert [line["message"] for line in lines.new()] == ["second"]


def test_command_shows_the_lines_of_the_cloud_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC) - NOW
    lines = [a_line("staged", i, table="flights", rows=5, step="extract") for i in range(3)]
    for line in lines:
        line["time"] = (datetime.fromisoformat(line["time"]) + now - timedelta(hours=1)).isoformat()
    log = write(tmp_path / "extract.log", *lines)
    services = {"extract": {"log": str(log)}, "gcs": {"log": "elsewhere"}}
    (tmp_path / "cloud.json").write_text(json.dumps({"pid": os.getpid(), "services": services}))
    monkeypatch.delenv("SLUICE_PROJECT", raising=False)
    monkeypatch.setenv("SLUICE_STATE", str(tmp_path))

    shown = CliRunner().invoke(app, ["logs", "flights", "--limit", "2"])
    data = CliRunner().invoke(app, ["logs", "--json"])
    nothing = CliRunner().invoke(app, ["logs", "--since", "1m"])
    wrong = CliRunner().invoke(app, ["logs", "--since", "yesterday"])

    assert (shown.exit_code, data.exit_code, nothing.exit_code) == (0, 0, 0), shown.output
    assert shown.stdout.count("INFO    extract staged  rows=5\n") == 2
    assert [json.loads(line) for line in data.stdout.splitlines()] == lines
    assert "no line in the last 1m" in nothing.stderr
    assert wrong.exit_code == 2


class Api(BaseHTTPRequestHandler):
    """Cloud Logging's one method: what it was asked, and pages that it answers."""

    asked: list[dict[str, Any]]
    pages: list[tuple[int, dict[str, Any]]]

    def do_POST(self) -> None:
        """Answer with the next page."""
        length = int(self.headers["Content-Length"])
        self.asked.append({"path": self.path, **json.loads(self.rfile.read(length))})
        status, page = self.pages.pop(0)
        body = json.dumps(page).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[tuple[type[Api], str]]:
    """Serve the method, and return what it is to answer and where it is."""
    handler = type("Handler", (Api,), {"asked": [], "pages": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def entry(number: int, message: str) -> dict[str, Any]:
    at = (NOW + timedelta(seconds=number)).isoformat().replace("+00:00", ".123456789Z")
    payload = {"message": message, "logger": "shared", "table": "flights"}
    return {"insertId": str(number), "timestamp": at, "severity": "INFO", "jsonPayload": payload}


def test_cloud_logging_is_asked_for_what_is_wanted_page_by_page(api: Any) -> None:
    handler, endpoint = api
    handler.pages += [
        (200, {"entries": [entry(1, "a")], "nextPageToken": "2"}),
        (200, {"entries": [entry(2, "b")]}),
        (200, {"entries": [entry(2, "b"), entry(3, "c")]}),
    ]
    with requests.Session() as session:
        log = CloudLogging(session, "acme", "sluice", wanted(table="flights"), endpoint)
        first, second = log.new(), log.new()

    assert [line["message"] for line in first] == ["a", "b"]
    assert [line["message"] for line in second] == ["c"]
    assert first[0]["time"].startswith("2024-01-31T12:00:01")
    asked = handler.asked
    assert [a.get("pageToken") for a in asked] == [None, "2", None]
    assert asked[0]["path"] == "/entries:list"
    assert asked[0]["resourceNames"] == ["projects/acme"]
    assert 'jsonPayload.table="flights"' in asked[0]["filter"]
    assert '"sluice-extract" OR "sluice-ingest"' in asked[0]["filter"]
    assert asked[0]["filter"] != asked[2]["filter"], "later questions begin where the last ended"


def test_newest_lines_are_asked_for_first_and_what_follows_is_not_older(api: Any) -> None:
    handler, endpoint = api
    handler.pages += [
        (200, {"entries": [entry(4, "d"), entry(3, "c")], "nextPageToken": "2"}),
        (200, {"entries": [entry(3, "c"), entry(4, "d"), entry(5, "e")]}),
    ]
    with requests.Session() as session:
        log = CloudLogging(session, "acme", "sluice", wanted(), endpoint)
        newest, later = log.new(2), log.new()

    assert [line["message"] for line in newest] == ["c", "d"]
    assert [line["message"] for line in later] == ["e"]
    first, second = handler.asked
    assert (first["orderBy"], first["pageSize"]) == ("timestamp desc", 2)
    assert second["orderBy"] == "timestamp asc"
    assert "2024-01-31T12:00:03" in second["filter"]


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [(403, InvalidConfigError, "logs of acme"), (503, StorageUnavailableError, "503")],
)
def test_refusal_of_cloud_logging_says_what_to_do(
    api: Any, status: int, error: type[Exception], said: str
) -> None:
    handler, endpoint = api
    handler.pages.append((status, {}))

    with requests.Session() as session, pytest.raises(error, match=said):
        CloudLogging(session, "acme", "sluice", wanted(), endpoint).new()
