"""The emulator as a whole: state directory, the broker over it, the gRPC port in front of it."""

import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from local.clock import Clock
from local.http_json import HOST, Route
from local.pubsub.broker import Broker
from local.pubsub.control import Control
from local.pubsub.faults import Faults
from local.pubsub.identity import PUSH_KEY, Identity
from local.pubsub.publisher_api import PublisherApi
from local.pubsub.push import WINDOW, Pusher
from local.pubsub.store import Store
from local.pubsub.subscriber_api import SubscriberApi
from local.rpc import SERVER_OPTIONS

THREADS = 256
"""Calls at the same time; a waiting pull and an open stream are one each."""


class PubsubServer:
    """Pub/Sub on 127.0.0.1; nothing is lost by simply ending the process."""

    def __init__(
        self,
        state_dir: Path,
        port: int,
        *,
        push_window: int = WINDOW,
        services: tuple[grpc.GenericRpcHandler, ...] = (),
    ) -> None:
        """Open the state and serve.

        Args:
            state_dir: folder of this emulator; made when missing.
            port: of gRPC.
            push_window: pushes of one subscription at the same time.
            services: other services on the same port.

        Raises:
            BlockingIOError: another emulator uses the state directory.
            RuntimeError: the port is taken.
        """
        state_dir.mkdir(parents=True, exist_ok=True)
        self._lock = (state_dir / "pubsub.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._server = grpc.server(ThreadPoolExecutor(THREADS), options=SERVER_OPTIONS)
        self._server.add_insecure_port(f"{HOST}:{port}")
        identity = Identity(state_dir / PUSH_KEY)
        faults = Faults()
        pusher = Pusher(identity, push_window)
        store = Store(state_dir / "pubsub.sqlite3")
        broker = Broker(store, Clock(state_dir), faults, serve=pusher.serve)
        self._control = Control(broker, faults, identity)
        self._server.add_generic_rpc_handlers(
            (PublisherApi(broker).handler(), SubscriberApi(broker).handler(), *services)
        )
        self._server.start()

    def routes(self) -> list[Route]:
        """Return the control routes."""
        return self._control.routes()

    def close(self) -> None:
        """End all calls and give back port and state directory."""
        self._server.stop(None).wait()
        self._lock.close()
