"""Whether the server answers: `python -m local.sqlserver.health --port N` ends with 0 if so."""

from __future__ import annotations

import argparse
import socket
import sys

from local.sqlserver.server import HOST
from local.sqlserver.wire import Kind, Wire

# PRELOGIN with ENCRYPTION = not supported and nothing else. Source: MS-TDS, section 2.2.6.5.
_PRELOGIN = b"\x01\x00\x06\x00\x01\xff\x02"


def is_healthy(port: int, *, timeout_s: float = 2.0) -> bool:
    """Whether a server on this port of the loopback address answers a PRELOGIN."""
    try:
        with socket.create_connection((HOST, port), timeout=timeout_s) as connection:
            wire = Wire(connection)
            wire.send(_PRELOGIN, Kind.PRELOGIN)
            return wire.receive()[0] == Kind.RESPONSE
    except OSError:
        return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.sqlserver.health", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    sys.exit(0 if is_healthy(parser.parse_args().port) else 1)
