"""Whether the parts of a local cloud answer, asked as their callers ask them."""

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psutil

from local.clients import connect_postgres

TIMEOUT_S = 2.0


def ask_all(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the services of a cloud, each with what it answered just now.

    ``state`` is ``up``, ``down``, or ``busy`` for a function that takes requests but has not
    answered in time; ``up`` is false for ``down`` alone.
    """
    services = described["services"]
    with ThreadPoolExecutor(len(services)) as pool:
        states = pool.map(lambda name: _ask(name, services[name], described), services)
        return {
            name: {**service, "state": state, "up": state != "down", "rss_mib": _rss(service)}
            for (name, service), state in zip(services.items(), states, strict=True)
        }


def _ask(name: str, service: dict[str, Any], described: dict[str, Any]) -> str:
    if name == "postgres":
        return _ask_postgres(described["postgres_uri"])
    path = service["health"] or "/"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{service['port']}{path}", timeout=TIMEOUT_S):
            return "up"
    except urllib.error.HTTPError as exc:
        exc.close()
        # A function answers a request that is no push with 405: it has been loaded.
        return "up" if service["health"] is None and exc.code < 500 else "down"
    except TimeoutError:
        return "busy" if service["health"] is None else "down"
    except OSError:
        return "down"


def _ask_postgres(uri: str) -> str:
    from pg8000.exceptions import DatabaseError, InterfaceError

    try:
        with closing(connect_postgres(uri)) as connection:
            connection.cursor().execute("SELECT 1")
    except (InterfaceError, DatabaseError, OSError):
        return "down"
    return "up"


def _rss(service: dict[str, Any]) -> float:
    """Return the memory of a service's processes, in MiB."""
    try:
        process = psutil.Process(service["pid"])
        family = [process, *process.children(recursive=True)]
        return float(round(sum(p.memory_info().rss for p in family) / 2**20, 1))
    except psutil.NoSuchProcess:
        return 0.0
