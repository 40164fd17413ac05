"""What tests of Pub/Sub, Secret Manager and Scheduler share: servers, clients, a push endpoint.

The Pub/Sub contract is kept by two servers: ours, and, where the Cloud SDK has it, Google's own
emulator, which has no dead letters on push, no filters and no growing back-off.
"""

import contextlib
import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1 import PublisherClient as BatchlessClient

from local.ports import free_port

REPOSITORY = Path(__file__).parents[2]
PROJECT = "test-project"

BRISK = {"minimum_backoff": {"nanos": 50_000_000}, "maximum_backoff": {"nanos": 50_000_000}}
"""A retry policy for tests that are not about it."""


def wait_until(condition: Callable[[], object], *, what: str, timeout_s: float = 10.0):
    deadline_s = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < deadline_s, f"{what}: not within {timeout_s} s"
        time.sleep(0.01)
    return result


def call(method: str, url: str, document: object = None):
    """Send JSON to a control endpoint and return its JSON answer."""
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, body, method=method)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.loads(reply.read() or b"null")


def googles_jar() -> Path | None:
    """Google's emulator below the Cloud SDK, if both it and Java are installed."""
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        return None
    lib_dir = Path(gcloud).resolve().parents[1] / "platform" / "pubsub-emulator" / "lib"
    return next(iter(sorted(lib_dir.glob("cloud-pubsub-emulator-*.jar"))), None)


class Process:
    """A server process that a test may kill and start again on the same ports and state."""

    def __init__(self, command: list[str], port: int, last_port: int | None = None) -> None:
        """``last_port`` is the one that opens last, when there are several."""
        self.command = command
        self.port = port
        self._last_port = last_port or port
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        self._process = subprocess.Popen(
            self.command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def start(self) -> None:
        self.launch()
        self.wait()

    def wait(self) -> None:
        wait_until(self._listens, what=f"{self.command} listens", timeout_s=30)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.exit_status()

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.exit_status()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def exit_status(self, timeout_s: float = 10.0) -> int:
        """Wait for the end."""
        assert self._process is not None
        return self._process.wait(timeout=timeout_s)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.command} ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self._last_port), timeout=1).close()
            return True
        return False


@dataclass
class Push:
    """One request that the endpoint got."""

    at_s: float
    headers: dict[str, str]
    body: dict
    path: str

    @property
    def message(self) -> dict:
        return self.body["message"]


class Receiver:
    """An endpoint to push to; ``answer`` decides, in the request's thread, on the status."""

    def __init__(self, answer: Callable[[Push], int] = lambda _: 204) -> None:
        self.answer = answer
        self.pushes: list[Push] = []
        self.in_progress = 0
        self.most_in_progress = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                push = Push(time.monotonic(), headers, json.loads(body), self.path)
                with contextlib.suppress(OSError):
                    self.send_response(receiver.receive(push))
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/push/"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def receive(self, push: Push) -> int:
        with self._lock:
            self.pushes.append(push)
            self.in_progress += 1
            self.most_in_progress = max(self.most_in_progress, self.in_progress)
        try:
            return self.answer(push)
        finally:
            with self._lock:
                self.in_progress -= 1

    def wait(self, count: int, timeout_s: float = 10.0) -> list[Push]:
        wait_until(lambda: len(self.pushes) >= count, what=f"{count} pushes", timeout_s=timeout_s)
        return self.pushes

    def gaps_s(self) -> list[float]:
        times_s = [push.at_s for push in self.pushes]
        return [after - before for before, after in itertools.pairwise(times_s)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Bus:
    """A Pub/Sub server and Google's two clients for it."""

    overrun: "Overrun"

    def __init__(self, process: Process, control_port: int | None = None) -> None:
        self.process = process
        self.control_url = f"http://127.0.0.1:{control_port}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{process.port}")
            self.publisher = PublisherClient()
            self.subscriber = SubscriberClient()

    def topic(self) -> str:
        name = f"projects/{PROJECT}/topics/t{uuid.uuid4().hex[:12]}"
        self.publisher.create_topic(name=name)
        return name

    def subscription(self, topic: str, **options) -> str:
        name = f"projects/{PROJECT}/subscriptions/s{uuid.uuid4().hex[:12]}"
        self.subscriber.create_subscription(request={"name": name, "topic": topic, **options})
        return name

    def push_subscription(self, topic: str, receiver: Receiver, **options) -> str:
        return self.subscription(topic, push_config={"push_endpoint": receiver.url}, **options)

    def publish(self, topic: str, *data: bytes, key: str = "", **attributes: str) -> list[str]:
        messages = [{"data": each, "ordering_key": key, "attributes": attributes} for each in data]
        return self.publish_messages(topic, messages)

    def publish_messages(self, topic: str, messages: list[dict]) -> list[str]:
        """Publish in one request, which the batching client does not promise."""
        reply = BatchlessClient.publish(
            self.publisher, topic=topic, messages=messages, retry=None, timeout=10
        )
        return list(reply.message_ids)

    def pull(self, subscription: str, count: int = 1, timeout_s: float = 10.0) -> list:
        """Pull until so many messages are there; they stay unacknowledged."""
        received = []
        deadline_s = time.monotonic() + timeout_s
        while len(received) < count:
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, f"{len(received)} of {count} messages within {timeout_s} s"
            with contextlib.suppress(DeadlineExceeded):
                received += self.subscriber.pull(
                    subscription=subscription, max_messages=count - len(received), timeout=left_s
                ).received_messages
        return received

    def is_empty(self, subscription: str) -> bool:
        try:
            reply = self.subscriber.pull(subscription=subscription, max_messages=1, timeout=0.5)
        except DeadlineExceeded:
            return True
        return not reply.received_messages

    def acknowledge(self, subscription: str, received: list) -> None:
        ack_ids = [each.ack_id for each in received]
        self.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids)

    def nack(self, subscription: str, received: list) -> None:
        self.set_deadline(subscription, received, 0)

    def set_deadline(self, subscription: str, received: list, deadline_s: int) -> None:
        self.subscriber.modify_ack_deadline(
            subscription=subscription,
            ack_ids=[each.ack_id for each in received],
            ack_deadline_seconds=deadline_s,
        )

    def stats(self, subscription: str) -> dict:
        return call("GET", f"{self.control_url}/_stats")[subscription]

    def order_fault(self, subscription: str, **rule) -> None:
        call("POST", f"{self.control_url}/_faults", {"subscription_regex": subscription, **rule})

    def clear_faults(self) -> None:
        call("DELETE", f"{self.control_url}/_faults")

    def close(self) -> None:
        self.publisher.stop()
        self.publisher.transport.close()
        self.subscriber.close()


class Overrun:
    """A push that outlasts its ack deadline and then succeeds, while its repetition fails.

    It takes as long as the shortest ack deadline that there is, so it is begun early. A third push
    is taken at once: a server that does not count the late success would repeat it for ever.
    """

    ACK_DEADLINE_S = 10

    def __init__(self, bus: Bus) -> None:
        self._has_come_again = threading.Event()
        self.receiver = Receiver(self._answer)
        topic = bus.topic()
        self.subscription = bus.push_subscription(
            topic, self.receiver, ack_deadline_seconds=self.ACK_DEADLINE_S
        )
        bus.publish(topic, b"slow")

    def wait(self) -> None:
        self.receiver.wait(2, timeout_s=2.5 * self.ACK_DEADLINE_S)

    def _answer(self, push: Push) -> int:
        if push is self.receiver.pushes[0]:
            return 204 if self._has_come_again.wait(timeout=60) else 500
        if self._has_come_again.is_set():
            return 204
        self._has_come_again.set()
        time.sleep(0.2)
        return 500


def our_process(state_dir: Path, *options: str) -> tuple[Process, int]:
    """The Pub/Sub emulator and the number of its control port; not started."""
    port, control_port = free_port(), free_port()
    command = [
        *(sys.executable, "-m", "local.pubsub", "--state", str(state_dir)),
        *("--port", str(port), "--control-port", str(control_port), *options),
    ]
    return Process(command, port, control_port), control_port


def googles_process(jar: Path) -> Process:
    """Google's emulator; not started."""
    port = free_port()
    java = [*("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-jar", str(jar))]
    return Process([*java, "--host=127.0.0.1", f"--port={port}"], port)


def control_plane(state_dir: Path) -> tuple[Process, dict[str, int]]:
    """All three services in one process, and their ports; not started."""
    ports = {name: free_port() for name in ("pubsub", "secrets", "control")}
    options = [part for name, port in ports.items() for part in (f"--{name}-port", str(port))]
    command = [sys.executable, "-m", "local.control_plane", "--state", str(state_dir), *options]
    return Process(command, ports["pubsub"], ports["control"]), ports


GOOGLES_JAR = googles_jar()
EVERYWHERE = ["ours", "googles"] if GOOGLES_JAR else ["ours"]
"""Servers that keep the contract; a test that needs more than Google's can do names only ours."""
