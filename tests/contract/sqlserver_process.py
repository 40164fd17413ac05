"""What the tests of the SQL Server contract share: the drivers, and the stand-in as a process."""

import datetime as dt
import json
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.ports import free_ports
from shared.errors import InvalidConfigError
from shared.targets.sqlserver import drivers

REPOSITORY = Path(__file__).parents[2]
PASSWORD = "Tiger;Lily-1"
DRIVERS = ("microsoft", "freetds")

_TIMESTAMPOFFSET = -155
"""SQL_SS_TIMESTAMPOFFSET, for which pyodbc has no type. Source: msodbcsql.h."""


@cache
def missing(driver: str) -> str:
    """Why a driver cannot be used; empty when it can.

    FreeTDS comes from the system, so it may be missing in CI too; the other one may not.
    """
    try:
        drivers.load()
        drivers.path(driver)
    except InvalidConfigError as exc:
        return f"not installed: {exc.message}" if driver == "freetds" else exc.message
    return ""


class SqlServerProcess:
    """The stand-in in a process of its own, on a state folder that outlives it."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self.port, self.control_port = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def certificate(self) -> Path:
        """The certificate that clients have to trust."""
        return self._state_dir / "certificate.pem"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        options = ["--port", str(self.port), "--state", str(self._state_dir)]
        options += ["--control-port", str(self.control_port), "--password", PASSWORD]
        command = [sys.executable, "-m", "local.sqlserver", *options]
        self._process = subprocess.Popen(command, cwd=REPOSITORY)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "the stand-in does not answer"
            assert self._process.poll() is None, "the stand-in has ended"
            time.sleep(0.03)

    def stop(self) -> None:
        """Tell it to end, and wait for it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)

    def order(self, *faults: dict[str, Any]) -> None:
        """Put faults in force."""
        self._control("POST", json.dumps(faults).encode())

    def clear_faults(self) -> None:
        """End all faults."""
        self._control("DELETE")

    def connect(
        self,
        driver: str = "microsoft",
        *,
        user: str = "sa",
        password: str = PASSWORD,
        database: str = "master",
        encrypt: str = "yes",
        autocommit: bool = False,
        options: str = "TrustServerCertificate=yes",
    ) -> Any:
        """Open a connection."""
        encryption = {"yes": "require", "no": "off"}[encrypt]
        host = (
            f"SERVER=127.0.0.1;PORT={self.port};TDS_Version=7.4;ClientCharset=UTF-8;"
            f"Encryption={encryption}"
            if driver == "freetds"
            else f"SERVER=127.0.0.1,{self.port};Encrypt={encrypt};{options}"
        )
        connection = drivers.load().connect(
            f"DRIVER={{{drivers.path(driver)}}};{host};UID={user};PWD={{{password}}};"
            f"DATABASE={database}",
            timeout=5,
            autocommit=autocommit,
        )
        connection.add_output_converter(_TIMESTAMPOFFSET, _moment)
        return connection

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self._url("/_health"), timeout=2):
                return True
        except OSError:
            return False

    def _control(self, method: str, body: bytes | None = None) -> None:
        request = urllib.request.Request(self._url("/_faults"), body, method=method)
        urllib.request.urlopen(request, timeout=5).close()

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.control_port}{path}"


def _moment(raw: bytes) -> dt.datetime:
    """Read SQL_SS_TIMESTAMPOFFSET_STRUCT."""
    *clock, nanoseconds, hours, minutes = struct.unpack("<6hI2h", raw)
    zone = dt.timezone(dt.timedelta(hours=hours, minutes=minutes))
    return dt.datetime(*clock, nanoseconds // 1000, tzinfo=zone)


def failure(cursor: Any, sql: str, *parameters: Any) -> int:
    """Run a statement that must fail, and return SQL Server's number, which ends the text."""
    with pytest.raises(Exception, match=r"\(\d+\)") as error:
        cursor.execute(sql, *parameters)
    return number_of(error.value)


def number_of(error: Any) -> int:
    """Return SQL Server's number of a driver's error."""
    text = error.args[1].partition("; [")[0].rpartition(" (SQL")[0]
    return int(text.rpartition("(")[2].rstrip(")"))


def rows(cursor: Any, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    return [tuple(row) for row in cursor.execute(sql, *parameters).fetchall()]
