"""`python -m local.bigquery --port N --state DIR`: serve until told to stop."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from local.bigquery.engine import Engine
from local.bigquery.server import Server


def main() -> None:
    """Serve on 127.0.0.1; on SIGTERM or SIGINT stop, with everything in the file."""
    parser = argparse.ArgumentParser(prog="python -m local.bigquery", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder that outlives it")
    arguments = parser.parse_args()
    engine = Engine(arguments.state)
    with Server(arguments.port, engine) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        server.serve_forever(poll_interval=0.1)
    engine.close()


if __name__ == "__main__":
    main()
