"""`python -m local.sqlserver --port N --state DIR`: serve until told to stop."""

from __future__ import annotations

import argparse
import secrets
import signal
import socket
import threading
from pathlib import Path

from local.postgres import Postgres
from local.sqlserver.backend import Address, create_database, database_exists
from local.sqlserver.certificate import make_context
from local.sqlserver.server import HOST, Account, Server


def main() -> None:
    """Serve on 127.0.0.1 with a PostgreSQL of its own; on SIGTERM or SIGINT stop both."""
    parser = argparse.ArgumentParser(prog="python -m local.sqlserver", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder for all data")
    parser.add_argument("--user", default="sa", help="the only login (sa)")
    parser.add_argument("--password", default="Local-sluice-1", help="its password")
    arguments = parser.parse_args()
    state: Path = arguments.state.absolute()
    state.mkdir(parents=True, exist_ok=True)
    address = Address(_free_port(), _kept_password(state / "postgres-password"))
    postgres = Postgres(state / "postgres", address.port, address.password)
    postgres.start()
    try:
        if not database_exists(address, "master"):
            create_database(address, "master")
        account = Account(arguments.user, arguments.password)
        with Server(arguments.port, address, account=account, tls=make_context()) as server:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
            server.serve_forever(poll_interval=0.1)
    finally:
        postgres.stop()


def _kept_password(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(16), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
