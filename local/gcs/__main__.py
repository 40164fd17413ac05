"""`python -m local.gcs`: run the emulator until somebody ends it."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from local.gcs.server import GcsServer


def main() -> None:
    """Parse the command line and serve; SIGTERM ends the process at once, with status 0."""
    parser = argparse.ArgumentParser(prog="python -m local.gcs", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--state", type=Path, required=True, help="folder of this emulator alone")
    parser.add_argument("--notify-endpoint", metavar="HOST:PORT", help="a Pub/Sub emulator")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        server = GcsServer(
            arguments.state, arguments.port, notify_endpoint=arguments.notify_endpoint
        )
    except BlockingIOError:
        parser.error(f"another emulator uses {arguments.state}; end it, or pass another --state")
    except OSError as exc:
        parser.error(f"cannot start on port {arguments.port} in {arguments.state}: {exc}")
    server.serve_forever()


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
