"""Loads ODBC and finds a driver, whatever the system has, and writes the connection string."""

import ctypes
import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from shared import settings
from shared.config.connections import SqlServerConnection
from shared.errors import InvalidConfigError

LIBRARIES = ("libltdl.so.7", "libodbc.so.2")
"""unixODBC's driver manager, after what it needs."""

CARRIED = Path(__file__).with_name("unixodbc")
"""Where this package has both, in a folder per processor (docs/adr/0009)."""

WHEEL = "mssql_python_odbc"
MICROSOFT = "libs/*/debian_ubuntu/{machine}/lib/libmsodbcsql-18*.so*"
"""Where the wheel has Microsoft's driver; its layout is not promised, so it is looked for."""

FREETDS = (
    "/usr/lib/x86_64-linux-gnu/odbc/libtdsodbc.so",
    "/usr/lib/aarch64-linux-gnu/odbc/libtdsodbc.so",
)
"""Where Debian and Ubuntu put FreeTDS's driver."""


@cache
def load() -> Any:
    """Return the module ``pyodbc``.

    It is linked with unixODBC, and takes what is loaded already: the libraries that the environment
    names, else those that this package carries, else the system's.

    Raises:
        InvalidConfigError: it, or unixODBC, is not there.
    """
    named = settings.odbc_libraries()
    try:
        if named:
            _load_libraries(named)
        else:
            with suppress(OSError):  # another processor, or an older C library
                _load_libraries(carried())
        import pyodbc
    except (ImportError, OSError) as exc:
        raise InvalidConfigError(
            f"SQL Server needs unixODBC (libodbc.so.2): {exc}. Install it (apt install libodbc2), "
            "or name a folder that has it in SLUICE_ODBC_LIBRARIES"
        ) from exc
    return pyodbc


def carried() -> Path:
    """Return the folder with the unixODBC that this package has for this processor."""
    return CARRIED / _machine()


def path(driver: str) -> str:
    """Return the path of a driver's library.

    Raises:
        InvalidConfigError: it is not there.
    """
    if configured := settings.odbc_driver():
        return configured
    found = _freetds() if driver == "freetds" else _microsoft()
    if found is None:
        raise InvalidConfigError(
            f"the ODBC driver {driver} is not there; install "
            + ("tdsodbc" if driver == "freetds" else WHEEL.replace("_", "-"))
            + ", or name its library in SLUICE_ODBC_DRIVER"
        )
    return found


def connection_string(config: SqlServerConnection, password: str) -> str:
    """Return what tells the driver where to connect, as whom, and how."""
    keys = {"DRIVER": path(config.driver), "UID": config.user, "PWD": password}
    keys["DATABASE"] = config.database
    is_freetds = config.driver == "freetds"
    keys |= _freetds_keys(config) if is_freetds else _microsoft_keys(config)
    return ";".join(f"{key}={_quoted(value)}" for key, value in keys.items())


@contextmanager
def trust(authority: str | None) -> Iterator[None]:
    """Let connections that are opened meanwhile trust these certificates only, if there are any.

    The driver verifies with OpenSSL, which looks for its certificates anew each time.
    """
    if authority is None:
        yield
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(authority)
        file.flush()
        with settings.lent("SSL_CERT_FILE", file.name):
            yield


def _microsoft_keys(config: SqlServerConnection) -> dict[str, str]:
    keys = {
        "SERVER": f"{config.host},{config.port}",
        "APP": "sluice",
        "Encrypt": "no" if config.tls == "off" else "yes",
        "TrustServerCertificate": "no" if config.tls == "verify" else "yes",
        # A session that comes back by itself would come back without its locks.
        "ConnectRetryCount": "0",
        "KeepAlive": "30",
    }
    if config.certificate_host:
        keys["HostnameInCertificate"] = config.certificate_host
    return keys


def _freetds_keys(config: SqlServerConnection) -> dict[str, str]:
    return {
        "SERVER": config.host,
        "PORT": str(config.port),
        "APP": "sluice",
        "TDS_Version": "7.4",
        "ClientCharset": "UTF-8",
        "Encryption": "off" if config.tls == "off" else "require",
    }


def _quoted(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}" if set(value) & set(";{}[]()=,?*!@ ") else value


def _load_libraries(folder: Path) -> None:
    for name in LIBRARIES:
        ctypes.CDLL(str(folder / name), ctypes.RTLD_GLOBAL)


def _machine() -> str:
    import platform

    return platform.machine()


def _microsoft() -> str | None:
    package = importlib.util.find_spec(WHEEL)
    if package is None or package.origin is None:
        return None
    pattern = MICROSOFT.format(machine=_machine())
    return next((str(p) for p in sorted(Path(package.origin).parent.glob(pattern))), None)


def _freetds() -> str | None:
    return next((each for each in FREETDS if Path(each).exists()), None)
