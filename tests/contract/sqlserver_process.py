"""What the tests of the SQL Server contract share: the drivers, and the stand-in as a process."""

import contextlib
import ctypes
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PASSWORD = "Tiger;Lily-1"
# Where unixODBC's libraries are, when they are not installed in the system.
LIBRARIES = os.environ.get("SQLSERVER_TEST_LIBRARIES", "")
_MICROSOFT = "libs/linux/debian_ubuntu/x86_64/lib/libmsodbcsql-18*.so*"
_FREETDS = ("/usr/lib/x86_64-linux-gnu/odbc/libtdsodbc.so", f"{LIBRARIES}/odbc/libtdsodbc.so")
DRIVERS = ("microsoft", "freetds")


@cache
def missing(driver: str) -> str:
    """Why a driver cannot be used; empty when it can."""
    with contextlib.suppress(OSError):
        for name in ("libltdl.so.7", "libodbcinst.so.2", "libodbc.so.2"):
            ctypes.CDLL(str(Path(LIBRARIES) / name), ctypes.RTLD_GLOBAL)
    try:
        import pyodbc  # noqa: F401
    except ImportError as exc:
        return f"pyodbc or unixODBC's libodbc.so.2 is missing: {exc}"
    return "" if driver_path(driver) else f"the ODBC driver of {driver} is missing"


def driver_path(driver: str) -> str:
    """The driver's library; empty when there is none."""
    if driver == "freetds":
        return next((path for path in _FREETDS if Path(path).exists()), "")
    package = importlib.util.find_spec("mssql_python_odbc")
    if package is None or package.origin is None:
        return ""
    return next((str(path) for path in Path(package.origin).parent.glob(_MICROSOFT)), "")


class SqlServerProcess:
    """The stand-in in a process of its own, on a state folder that outlives it."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        with socket.socket() as first, socket.socket() as second:
            for probe in (first, second):
                probe.bind(("127.0.0.1", 0))
            self.port: int = first.getsockname()[1]
            self.control_port: int = second.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--state", str(self._state_dir)]
        options += ["--control-port", str(self.control_port)]
        command = [sys.executable, "-m", "local.sqlserver", *options, "--password", PASSWORD]
        self._process = subprocess.Popen(command, cwd=REPOSITORY)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "the stand-in does not answer"
            assert self._process.poll() is None, "the stand-in has ended"
            time.sleep(0.03)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self._url("/_health"), timeout=2):
                return True
        except OSError:
            return False

    def order(self, *faults: dict[str, Any]) -> None:
        """Put faults in force."""
        request = urllib.request.Request(self._url("/_faults"), json.dumps(faults).encode())
        urllib.request.urlopen(request, timeout=5).close()

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.control_port}{path}"

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)

    def connect(
        self,
        driver: str = "microsoft",
        *,
        password: str = PASSWORD,
        database: str = "master",
        encrypt: str = "yes",
        autocommit: bool = False,
    ) -> Any:
        import pyodbc

        host = (
            f"SERVER=127.0.0.1;PORT={self.port};TDS_Version=7.4;ClientCharset=UTF-8"
            if driver == "freetds"
            else f"SERVER=127.0.0.1,{self.port};Encrypt={encrypt};TrustServerCertificate=yes"
        )
        connection = pyodbc.connect(
            f"DRIVER={{{driver_path(driver)}}};{host};UID=sa;PWD={{{password}}};"
            f"DATABASE={database}",
            timeout=5,
            autocommit=autocommit,
        )
        connection.add_output_converter(-155, _datetimeoffset)
        return connection


def _datetimeoffset(raw: bytes) -> Any:
    """SQL_SS_TIMESTAMPOFFSET_STRUCT as text: pyodbc has no type for it."""
    import struct

    year, month, day, hour, minute, second, nanoseconds, *offset = struct.unpack("<6hI2h", raw)
    day_part = f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    return f"{day_part}.{nanoseconds // 1000:06} {offset[0]:+03}:{offset[1]:02}"
