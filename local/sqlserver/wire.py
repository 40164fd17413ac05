"""Messages on the socket: TDS packets cut and joined, in the clear or through TLS.

Source of all constants: MS-TDS, sections 2.2.1 and 2.2.3 (packets), 2.2.6.5 (PRELOGIN).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from enum import IntEnum

_HEADER = struct.Struct(">BBHHBB")
_LAST = 0x01
_FIRST_PACKET_BYTES = 4096
_READ_BYTES = 65536


class Kind(IntEnum):
    """What a message is."""

    BATCH = 1
    RPC = 3
    RESPONSE = 4
    ATTENTION = 6
    TRANSACTION = 14
    LOGIN = 16
    PRELOGIN = 18


class Wire:
    """One client's socket; one thread reads while another may write."""

    def __init__(self, connection: socket.socket) -> None:
        """Take a connected socket over; packets have 4,096 bytes until the login says otherwise."""
        self._socket = connection
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls_lock = threading.Lock()
        self._plain = bytearray()
        self.packet_bytes = _FIRST_PACKET_BYTES

    def receive(self) -> tuple[int, bytes]:
        """Return the next message: its kind and its body, all packets joined.

        Raises:
            ConnectionError: the client is gone.
        """
        parts = []
        while True:
            kind, status, length, *_ = _HEADER.unpack(self._take(_HEADER.size))
            parts.append(self._take(length - _HEADER.size))
            if status & _LAST:
                return kind, b"".join(parts)

    def send(self, body: bytes, kind: Kind = Kind.RESPONSE) -> None:
        """Send one message in as many packets as it needs."""
        room = self.packet_bytes - _HEADER.size
        packets = []
        for number, start in enumerate(range(0, max(len(body), 1), room), 1):
            chunk = body[start : start + room]
            status = _LAST if start + room >= len(body) else 0
            length = len(chunk) + _HEADER.size
            packets.append(_HEADER.pack(kind, status, length, 0, number & 255, 0) + chunk)
        self._write(b"".join(packets))

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands; TLS records travel inside PRELOGIN messages until that is done.

        Raises:
            ssl.SSLError: the client refuses.
        """
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        done = False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            if self._outgoing.pending:
                self.send(self._outgoing.read(), Kind.PRELOGIN)
            if not done:
                self._incoming.write(self.receive()[1])
        self._tls = tls

    def close(self) -> None:
        """Close the socket; a reader in another thread ends with ConnectionError."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def reset(self) -> None:
        """Close with a TCP reset, as a peer that died would."""
        linger = struct.pack("ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # Nothing is sent as long as another thread reads.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)
        self._socket.close()

    def _take(self, count: int) -> bytes:
        while len(self._plain) < count:
            received = self._socket.recv(_READ_BYTES)
            if not received:
                raise ConnectionError("the client has closed the connection")
            self._plain += received if self._tls is None else self._decrypt(self._tls, received)
        taken = bytes(self._plain[:count])
        del self._plain[:count]
        return taken

    def _decrypt(self, tls: ssl.SSLObject, received: bytes) -> bytes:
        clear = bytearray()
        with self._tls_lock:
            self._incoming.write(received)
            try:
                while chunk := tls.read(_READ_BYTES):
                    clear += chunk
            except ssl.SSLWantReadError:
                pass
        return bytes(clear)

    def _write(self, data: bytes) -> None:
        if self._tls is not None:
            with self._tls_lock:
                self._tls.write(data)
                data = self._outgoing.read()
        self._socket.sendall(data)
