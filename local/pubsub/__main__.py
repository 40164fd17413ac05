"""``python -m local.pubsub``: run the emulator until somebody ends it."""

import argparse
import signal
from pathlib import Path

from local.http_json import JsonServer
from local.pubsub.push import WINDOW
from local.pubsub.server import PubsubServer


def main() -> None:
    """Parse the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m local.pubsub", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of gRPC, on 127.0.0.1")
    parser.add_argument("--state", type=Path, required=True, help="folder that outlives it")
    parser.add_argument("--control-port", type=int, help="of HTTP, on 127.0.0.1")
    parser.add_argument("--push-window", type=int, default=WINDOW, metavar="N")
    arguments = parser.parse_args()
    # Blocked in every thread from here on, and taken by sigwait: a handler that sets an event can
    # deadlock with the wait for it.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        server = PubsubServer(arguments.state, arguments.port, push_window=arguments.push_window)
        if arguments.control_port is not None:
            JsonServer(arguments.control_port, server.routes())
    except BlockingIOError:
        parser.error(f"another emulator uses {arguments.state}; end it, or pass another --state")
    except (OSError, RuntimeError) as exc:
        parser.error(f"cannot start on port {arguments.port} in {arguments.state}: {exc}")
    signal.sigwait(signals)
    server.close()


if __name__ == "__main__":
    main()
