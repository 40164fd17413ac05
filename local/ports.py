"""Ports for servers on this machine."""

import random
import socket
from collections.abc import Collection

PORTS = range(20_000, 32_768)
"""Below the ports that systems give to outgoing connections, so that a server that stopped finds
its own free again, and none is taken between the choice and the start.
Sources: Linux, ip-sysctl, ip_local_port_range; macOS, net.inet.ip.portrange."""


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
    """Return a free port, chosen at random, that is none of those taken."""
    candidates = random.SystemRandom().sample(PORTS, len(PORTS))
    return next(port for port in candidates if port not in taken and is_free(port))


def free_ports(number: int) -> list[int]:
    """Return so many free ports."""
    found: list[int] = []
    for _ in range(number):
        found.append(free_port(taken=found))
    return found
