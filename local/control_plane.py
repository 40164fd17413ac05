"""Pub/Sub, Secret Manager and Cloud Scheduler in one process, which needs half the memory of three.

Run as ``python -m local.control_plane --state DIR --pubsub-port A --secrets-port B --control-port
C``: gRPC of Pub/Sub and Secret Manager on A, REST of Secret Manager on B, and on C the control
routes of ``local.pubsub.control`` and ``local.scheduler``. The three share state directory and
clock.
"""

import argparse
import os
import signal
from collections.abc import Callable
from pathlib import Path

from local.clock import Clock
from local.http_json import HOST, JsonServer
from local.pubsub.push import WINDOW
from local.pubsub.server import PubsubServer
from local.scheduler import Scheduler
from local.secret_manager import SecretManager


def main() -> None:
    """Parse the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m local.control_plane", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder that outlives it")
    parser.add_argument("--pubsub-port", type=int, required=True)
    parser.add_argument("--secrets-port", type=int, required=True)
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--push-window", type=int, default=WINDOW, metavar="N")
    arguments = parser.parse_args()
    # The scheduler publishes as everybody does, through Google's client.
    os.environ["PUBSUB_EMULATOR_HOST"] = f"{HOST}:{arguments.pubsub_port}"
    # Blocked in every thread from here on, and taken by sigwait: a handler that sets an event can
    # deadlock with the wait for it.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        serve(arguments, lambda: signal.sigwait(signals))
    except BlockingIOError:
        parser.error(f"another process uses {arguments.state}; end it, or pass another --state")
    except (OSError, RuntimeError) as exc:
        parser.error(f"cannot start in {arguments.state}: {exc}")


def serve(arguments: argparse.Namespace, wait: Callable[[], object]) -> None:
    """Serve until ``wait`` returns.

    Raises:
        BlockingIOError: another process uses the state directory.
        OSError: an HTTP port is taken.
        RuntimeError: the gRPC port is taken.
    """
    secrets = SecretManager(arguments.state)
    pubsub = PubsubServer(
        arguments.state,
        arguments.pubsub_port,
        push_window=arguments.push_window,
        services=(secrets.handler(),),
    )
    scheduler = Scheduler(arguments.state, Clock(arguments.state))
    try:
        JsonServer(arguments.secrets_port, secrets.routes())
        JsonServer(arguments.control_port, [*pubsub.routes(), *scheduler.routes()])
        scheduler.start()
        wait()
    finally:
        scheduler.close()
        pubsub.close()


if __name__ == "__main__":
    main()
