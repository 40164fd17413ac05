"""What the tests of the Snowflake contract share, besides the real connector."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import snowflake.connector
from snowflake.connector.errors import Error

from local.ports import free_port

REPOSITORY = Path(__file__).parents[2]
# Soon enough to say that nothing was retried, on a busy machine too: the connector would go on
# for as long as its query_timeout.
AT_ONCE_S = 5.0


def wait_until(condition: Callable[[], object], *, what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(0.01)


class SnowflakeProcess:
    """The stand-in in a process of its own, on a state folder that outlives it."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.users_file = state_dir / "users.json"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--state", str(self.state_dir)]
        command = [sys.executable, "-m", "local.snowflake", *options]
        self._process = subprocess.Popen(command, cwd=REPOSITORY)
        wait_until(self._is_healthy, what="the stand-in answers", timeout_s=20)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        return self._end(signal.SIGKILL)

    def connect(self, **options: Any) -> Any:
        credentials = {} if "private_key" in options else {"password": "any"}
        defaults = {
            "user": "tester",
            "account": "local",
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
            "login_timeout": 10,
            "query_timeout": 20,
            "request_timeout": 20,
            "enable_server_session_keep_alive_auto_detection": False,
        }
        return snowflake.connector.connect(**(defaults | credentials | options))

    def order_fault(self, **fault: object) -> None:
        requests.post(f"{self.url}/_faults", json=[fault], timeout=5).raise_for_status()

    def fault_hits(self) -> list[int]:
        return [f["hits"] for f in requests.get(f"{self.url}/_faults", timeout=5).json()]

    def seed(self, table: str, path: Path, **options: object) -> requests.Response:
        body = {"path": str(path), **options}
        return requests.post(f"{self.url}/_seed", params={"table": table}, json=body, timeout=10)

    def statements(self) -> list[dict[str, Any]]:
        return requests.get(f"{self.url}/_statements", timeout=5).json()

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout=10)

    def _is_healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the stand-in ended"
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/_health", timeout=5).ok
        return False


def fetch(cursor: Any, sql: str, values: Any = None) -> list[tuple]:
    return cursor.execute(sql, values).fetchall()


def one(cursor: Any, sql: str) -> Any:
    ((value,),) = fetch(cursor, sql)
    return value


def refused(cursor: Any, sql: str) -> tuple[int, str]:
    """Run a statement that must be refused at once; return its error number and SQLSTATE."""
    started = time.monotonic()
    with pytest.raises(Error) as caught:
        cursor.execute(sql)
    assert time.monotonic() - started < AT_ONCE_S
    return caught.value.errno, caught.value.sqlstate


def now(cursor: Any) -> str:
    """The server's clock, as the product reads and sends it."""
    text = one(cursor, "SELECT TO_CHAR(SYSDATE(), 'YYYY-MM-DD HH24:MI:SS.FF9')")
    return f"'{text} +0000'::TIMESTAMP_TZ"
