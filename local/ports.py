"""Ports for servers on this machine."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path

PORTS = range(20_000, 32_768)
"""Below the ports that systems give to outgoing connections, so that a server that stopped finds
its own free again, and none is taken between the choice and the start.
Sources: Linux, ip-sysctl, ip_local_port_range; macOS, net.inet.ip.portrange."""

_chosen: set[int] = set()
"""What this process gave out. Its own locks would not keep it from giving a port out again."""


def is_free(port: int) -> bool:
    """Say whether a server can listen on a port; none can on 0."""
    if not port:
        return False
    with socket.socket() as probe:
        # As servers do: connections that were closed a moment ago are not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int] = ()) -> int:
    """Return a free port, chosen at random, that is none of those taken.

    As long as this process lives nobody else is given it: a server may start long after its port
    was chosen, or stop and come back to it.

    Raises:
        OSError: there is none.
    """
    candidates = random.SystemRandom().sample(PORTS, len(PORTS))
    found = (p for p in candidates if p not in taken and p not in _chosen and is_free(p))
    port = next((p for p in found if _reserve(p)), None)
    if port is None:
        raise OSError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free")
    _chosen.add(port)
    return port


def free_ports(number: int) -> list[int]:
    """Return so many free ports."""
    return [free_port() for _ in range(number)]


def _reserve(port: int) -> bool:
    """Lock the port's byte in the file of all processes of a user; the lock ends with this one."""
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _reservations() -> int:
    path = Path(tempfile.gettempdir(), f"sluice-ports-{os.getuid()}.lock")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
