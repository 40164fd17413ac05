"""`python -m local.sqlserver --port N --control-port M --state DIR`: serve until told to stop."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import threading
from pathlib import Path

from local.http_json import JsonServer
from local.ports import free_port
from local.postgres import Postgres
from local.sqlserver import CERTIFICATE, PASSWORD_VARIABLE, control, databases
from local.sqlserver.backend import Address
from local.sqlserver.certificate import make_context
from local.sqlserver.faults import Faults
from local.sqlserver.server import Account, Server


def main() -> None:
    """Serve on 127.0.0.1 with a PostgreSQL of its own; on SIGTERM or SIGINT stop both."""
    arguments = _arguments()
    state: Path = arguments.state.absolute()
    state.mkdir(parents=True, exist_ok=True)
    address = Address(free_port(), _kept_password(state / "postgres-password"))
    postgres = Postgres(state / "postgres", address.port, address.password)
    postgres.start()
    try:
        databases.prepare(address)
        if arguments.database and not databases.exists(address, arguments.database):
            databases.create(address, arguments.database)
        faults = Faults()
        with Server(
            arguments.port,
            address,
            account=Account(arguments.user, arguments.password),
            tls=make_context(state / CERTIFICATE, state / "certificate-key.pem"),
            faults=faults,
        ) as server:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
            JsonServer(arguments.control_port, control.routes(faults))
            server.serve_forever(poll_interval=0.1)
    finally:
        postgres.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.sqlserver", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control-port", type=int, default=0, help="HTTP: /_health, /_faults")
    parser.add_argument("--state", type=Path, required=True, help="folder for all data")
    parser.add_argument("--database", help="created unless it is there")
    parser.add_argument("--user", default="sa", help="the only login (sa)")
    parser.add_argument(
        "--password",
        default=os.environ.get(PASSWORD_VARIABLE, "Local-sluice-1"),
        help=f"its password; default: the variable {PASSWORD_VARIABLE}",
    )
    return parser.parse_args()


def _kept_password(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(16), encoding="utf-8")
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
