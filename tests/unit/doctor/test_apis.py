"""Which APIs are missing, asked of a server that answers as Service Usage does."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from shared.doctor import apis
from shared.doctor.findings import Finding, Level
from shared.settings import Settings

SETTINGS = Settings(project="acme", prefix="acme-dev")
PAGE = 5

Answer = Callable[[str, dict[str, list[str]]], tuple[int, object]]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve answers to GET, and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, body = answer(parts.path, parse_qs(parts.query))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def enabled(names: list[str]) -> Answer:
    """Answer with these APIs, a page at a time."""

    def answer(path: str, query: dict[str, list[str]]) -> tuple[int, object]:
        assert path == "/projects/acme/services"
        assert query["filter"] == ["state:ENABLED"]
        begin = int(query.get("pageToken", ["0"])[0])
        page = names[begin : begin + PAGE]
        found = [{"config": {"name": f"{name}.googleapis.com"}} for name in page]
        more = {"nextPageToken": str(begin + PAGE)} if begin + PAGE < len(names) else {}
        return 200, {"services": found, **more}

    return answer


def look(answer: Answer) -> Finding:
    """Look at a project that answers so."""
    with serving(answer) as address, requests.Session() as session:
        return apis.look(SETTINGS, session, address)


def test_a_project_with_all_apis_is_well() -> None:
    assert look(enabled(sorted(apis.NEEDED))).level is Level.OK


def test_the_apis_that_are_off_are_named_with_the_command_that_switches_them_on() -> None:
    found = look(enabled(sorted(apis.NEEDED - {"pubsub", "run"})))

    assert found.level is Level.FAIL
    assert found.message == "not switched on: pubsub.googleapis.com, run.googleapis.com"
    assert found.fix.startswith("`gcloud services enable pubsub.googleapis.com run.googleapis.com")


def test_whoever_may_not_ask_is_told_so() -> None:
    found = look(lambda path, query: (403, {}))

    assert (found.level, "not visible" in found.message) == (Level.OK, True)


def test_terraform_switches_on_whatever_is_needed() -> None:
    text = Path("terraform/apis.tf").read_text()

    assert set(re.findall(r'"(\w+)\.googleapis\.com"', text)) >= apis.NEEDED
