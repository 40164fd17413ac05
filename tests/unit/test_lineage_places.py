"""Where lineage may be sent: over TLS, to the host that is configured, and never to metadata."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shared import lineage
from shared.bus import Bus
from shared.errors import InvalidConfigError

EVENT = b'{"eventType": "START"}'


@pytest.mark.parametrize(
    "place",
    [
        "http://catalogue.example.com/api/v1/lineage",
        "http://10.0.0.3/",
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
        "https://169.254.169.254/",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://METADATA.google.internal./",
        "http://[fd20:ce::254]/",
        "http://localhost.example.com/",
        "http://127.0.0.1@example.com/",
    ],
)
def test_a_place_without_tls_or_with_credentials_is_refused(place: str) -> None:
    with pytest.raises(InvalidConfigError, match="needs https"):
        lineage.deliver(place, [EVENT], Bus())


@pytest.fixture
def redirecting() -> Iterator[tuple[str, list[str]]]:
    """Serve what leads elsewhere; return where, and what was asked for."""
    asked: list[str] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/computeMetadata/v1/token")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that the server calls

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Redirecting)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/lineage", asked
    server.shutdown()
    server.server_close()


def test_an_answer_that_leads_elsewhere_is_not_followed(
    redirecting: tuple[str, list[str]],
) -> None:
    place, asked = redirecting

    lineage.deliver(place, [EVENT], Bus())

    assert asked == ["/lineage"]
