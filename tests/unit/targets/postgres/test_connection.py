"""Logging in over TLS where the server can, and failures that pass."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from local.sqlserver.certificate import make_context
from shared.config.connections import PostgresConnection
from shared.errors import RetryableError, TargetUnavailableError
from shared.targets.postgres import connection
from tests.contract.engines import Keychain

USER = b"user\0loader\0"


def first_message(answer: bytes, encrypt: Callable[[socket.socket], socket.socket]) -> bytes:
    """Connect to a server that answers the request for TLS so, and return what it is sent then."""
    received = []

    def serve(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link:
            link.recv(8)
            link.sendall(answer)
            with encrypt(link) as safe:
                received.append(safe.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        place = PostgresConnection(host="127.0.0.1", port=listener.getsockname()[1], user="loader")
        with pytest.raises(TargetUnavailableError):
            connection.connect(place, Keychain("secret"))
        server.join()
    return received[0]


def test_a_server_that_grants_tls_is_logged_in_to_over_tls(tmp_path: Path) -> None:
    context = make_context(tmp_path / "certificate.pem", tmp_path / "key.pem")

    message = first_message(b"S", lambda link: context.wrap_socket(link, server_side=True))

    assert USER in message


def test_a_server_without_tls_is_logged_in_to_all_the_same() -> None:
    message = first_message(b"N", lambda link: link)

    assert USER in message


@pytest.mark.parametrize("code", ["40001", "40P01", "25006", "55P03", "57P01"])
def test_rollback_that_the_server_asks_to_repeat_is_retried(code: str) -> None:
    from pg8000.exceptions import DatabaseError

    with pytest.raises(RetryableError, match=code), connection.failures("db:5432"):
        raise DatabaseError({"C": code, "M": "could not serialize access"})
