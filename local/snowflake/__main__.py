"""`python -m local.snowflake --port N --state DIR`: serve until told to stop."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from local.snowflake.engine import Engine
from local.snowflake.server import Server
from local.snowflake.service import Service


def main() -> None:
    """Serve on 127.0.0.1; on SIGTERM or SIGINT close the databases and end."""
    parser = argparse.ArgumentParser(prog="python -m local.snowflake", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder for all data")
    parser.add_argument(
        "--retention-minutes", type=float, default=15.0, help="how far back AT may read (15)"
    )
    arguments = parser.parse_args()
    state: Path = arguments.state.absolute()
    engine = Engine(state, retention_s=arguments.retention_minutes * 60)
    service = Service(engine, state / "users.json")
    server = Server(arguments.port, service)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        service.close()


if __name__ == "__main__":
    main()
