"""Connections: login, then one request after the other, with cancellation in between."""

from __future__ import annotations

import queue
import socket
import socketserver
import ssl
import struct
import sys
import threading
import traceback
from dataclasses import dataclass

from local.sqlserver import tokens
from local.sqlserver.backend import Address
from local.sqlserver.databases import MASTER
from local.sqlserver.errors import CANCELLED, LOGIN_FAILED, SqlServerError
from local.sqlserver.faults import DisconnectError, Faults, strike
from local.sqlserver.parameters import Reader
from local.sqlserver.procedures import Procedures
from local.sqlserver.replies import Replies
from local.sqlserver.session import Session
from local.sqlserver.tokens import Done, changed, short_text
from local.sqlserver.values import COLLATION
from local.sqlserver.wire import Kind, Wire

HOST = "127.0.0.1"
# PRELOGIN: options and what ENCRYPTION may say. Source: MS-TDS, section 2.2.6.5.
_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _END = 0, 1, 2, 3, 4, 0xFF
_ENCRYPT_ON, _ENCRYPT_UNSUPPORTED, _ENCRYPT_REQUIRED = 1, 2, 3
# ENVCHANGE. Source: MS-TDS, section 2.2.7.9.
_DATABASE, _PACKET_SIZE, _SQL_COLLATION, _BEGUN, _COMMITTED, _ROLLED_BACK = 1, 4, 7, 8, 9, 10
# Transaction manager requests. Source: MS-TDS, section 2.2.6.9.
_TM_BEGIN, _TM_COMMIT, _TM_ROLLBACK = 5, 7, 8


@dataclass(frozen=True, slots=True)
class Account:
    """The only login there is."""

    user: str
    password: str


class Server(socketserver.ThreadingTCPServer):
    """TDS on 127.0.0.1."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        address: Address,
        *,
        account: Account,
        tls: ssl.SSLContext,
        faults: Faults,
    ) -> None:
        """Open the port; `serve_forever` serves.

        Raises:
            OSError: the port is taken.
        """
        super().__init__((HOST, port), _Connection)
        self.address = address
        self.account = account
        self.tls = tls
        self.faults = faults


class _Connection(socketserver.BaseRequestHandler):
    server: Server
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(self.request)
        try:
            session = self._log_in(wire)
        except DisconnectError:
            wire.reset()
            return
        except (OSError, ssl.SSLError):
            return
        if session is not None:
            try:
                _Conversation(wire, session).run()
            except DisconnectError:
                wire.reset()
            except OSError:
                pass
            finally:
                session.close()

    def _log_in(self, wire: Wire) -> Session | None:
        kind, body = wire.receive()
        if kind == Kind.PRELOGIN:
            wants = _encryption(body)
            tls = wants in (_ENCRYPT_ON, _ENCRYPT_REQUIRED)
            wire.send(_prelogin(_ENCRYPT_ON if tls else _ENCRYPT_UNSUPPORTED))
            if tls:
                wire.start_tls(self.server.tls)
            kind, body = wire.receive()
        user, password, database = (_login_text(body, at) for at in (40, 44, 68))
        try:
            with strike(self.server.faults, "LOGIN"):
                session = self._open(user, _clear(password), database)
        except SqlServerError as error:
            wire.send(tokens.error(error) + tokens.done(Done.BATCH, tokens.ERROR))
            return None
        packet_bytes = min(max(struct.unpack_from("<I", body, 8)[0], 4096), 32767)
        wire.send(
            changed(_DATABASE, short_text(session.database), short_text(MASTER))
            + changed(_SQL_COLLATION, bytes((len(COLLATION),)) + COLLATION)
            + changed(_PACKET_SIZE, short_text(str(packet_bytes)), short_text("4096"))
            + tokens.login_accepted()
            + tokens.done(Done.BATCH)
        )
        wire.packet_bytes = packet_bytes
        return session

    def _open(self, user: str, password: str, database: str) -> Session:
        account = self.server.account
        if (user.lower(), password) != (account.user.lower(), account.password):
            raise SqlServerError(LOGIN_FAILED, f"Login failed for user '{user}'.", 14)
        return Session(self.server.address, database or MASTER, self.server.faults)


class _Conversation:
    """Requests of one session; a second thread reads, so that an attention is seen at once."""

    def __init__(self, wire: Wire, session: Session) -> None:
        self._wire = wire
        self._session = session
        self._procedures = Procedures(session)
        self._messages: queue.Queue[tuple[int, bytes] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._is_busy = False

    def run(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        while (message := self._messages.get()) is not None:
            kind, body = message
            if kind == Kind.ATTENTION:
                self._wire.send(tokens.done(Done.BATCH, tokens.ATTENTION))
                continue
            response = self._watched(kind, body)
            with self._lock:
                self._is_busy = False
            if response:
                self._wire.send(response)

    def _watched(self, kind: int, body: bytes) -> bytes:
        """Answer, and tell the client first if that began or ended a transaction."""
        backend = self._session.backend
        before = backend.transactions_begun if backend.open_transactions else 0
        response = self._respond(kind, body)
        backend = self._session.backend
        after = backend.transactions_begun if backend.open_transactions else 0
        notices = b""
        if before and after != before:
            ended = _COMMITTED if backend.is_last_committed else _ROLLED_BACK
            notices += changed(ended, b"\0", b"\x08" + struct.pack("<Q", before))
        if after and after != before:
            notices += changed(_BEGUN, b"\x08" + struct.pack("<Q", after))
        return notices + response if response else b""

    def _read(self) -> None:
        """Queue messages; an attention also cancels what runs."""
        try:
            while True:
                message = self._wire.receive()
                with self._lock:
                    if message[0] != Kind.ATTENTION:
                        self._is_busy = True
                    elif self._is_busy:
                        self._session.backend.cancel()
                self._messages.put(message)
        except (OSError, ValueError, SqlServerError):
            with self._lock:
                if self._is_busy:
                    self._session.backend.cancel()
        finally:
            self._messages.put(None)

    def _respond(self, kind: int, body: bytes) -> bytes:
        try:
            if kind == Kind.BATCH:
                return self._batch(body)
            if kind == Kind.RPC:
                return self._procedures.answer(body)
            if kind == Kind.TRANSACTION:
                return self._manage_transaction(body)
            raise SqlServerError(50000, f"A message of kind {kind} is not served here.")
        except SqlServerError as error:
            if error.number == CANCELLED:
                return b""
            return tokens.error(error) + tokens.done(Done.BATCH, tokens.ERROR)
        except DisconnectError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost boundary of a request
            traceback.print_exc(file=sys.stderr)
            problem = SqlServerError(50000, f"bug in the local cloud: {error!r}")
            return tokens.error(problem) + tokens.done(Done.BATCH, tokens.ERROR)

    def _batch(self, body: bytes) -> bytes:
        start = struct.unpack_from("<I", body)[0]
        replies = Replies(Done.BATCH)
        before = self._session.database
        try:
            self._session.run(body[start:].decode("utf-16le", "surrogatepass"), (), replies)
        except SqlServerError as error:
            if error.number == CANCELLED:
                raise
            failed = tokens.error(error) + tokens.done(Done.BATCH, tokens.ERROR)
            return replies.assemble(more=True) + failed
        after = self._session.database
        moved = b"" if after == before else changed(_DATABASE, *map(short_text, (after, before)))
        return moved + (replies.assemble(more=False) or tokens.done(Done.BATCH))

    def _manage_transaction(self, body: bytes) -> bytes:
        reader = Reader(body, struct.unpack_from("<I", body)[0])
        request = reader.number(2)
        backend = self._session.backend
        if request == _TM_BEGIN:
            self._session.manage("BEGIN TRANSACTION", backend.begin)
        elif request == _TM_COMMIT:
            self._session.manage("COMMIT TRANSACTION", backend.commit)
        elif request == _TM_ROLLBACK:
            # After an error that has ended the transaction there is nothing left to undo.
            undo = backend.rollback if backend.open_transactions else lambda: None
            self._session.manage("ROLLBACK TRANSACTION", undo)
        else:
            text = f"Transaction manager request {request} is not served here."
            raise SqlServerError(50000, text)
        if request != _TM_BEGIN:
            reader.take(reader.number(1))
            if reader.number(1) & 1:
                backend.begin()
        return tokens.done(Done.BATCH)


def _encryption(body: bytes) -> int:
    for at in range(0, len(body), 5):
        if body[at] == _END:
            break
        option, start, _ = struct.unpack_from(">BHH", body, at)
        if option == _ENCRYPTION:
            return int(body[start])
    return _ENCRYPT_UNSUPPORTED


def _prelogin(encryption: int) -> bytes:
    options = [
        (_VERSION, b"\x10\x00\x10\x00\x00\x00"),
        (_ENCRYPTION, bytes((encryption,))),
        (_INSTANCE, b"\0"),
        (_THREAD, b""),
        (_MARS, b"\0"),
    ]
    head, data = b"", b""
    for option, value in options:
        start = 5 * len(options) + 1 + len(data)
        head += struct.pack(">BHH", option, start, len(value))
        data += value
    return head + bytes((_END,)) + data


def _login_text(body: bytes, at: int) -> str:
    start, characters = struct.unpack_from("<HH", body, at)
    return body[start : start + 2 * characters].decode("utf-16le", "surrogatepass")


def _clear(scrambled: str) -> str:
    """Undo what LOGIN7 does to a password. Source: MS-TDS, section 2.2.6.4."""
    raw = scrambled.encode("utf-16le", "surrogatepass")
    swapped = bytes(((each ^ 0xA5) >> 4) | (((each ^ 0xA5) & 0x0F) << 4) for each in raw)
    return swapped.decode("utf-16le", "surrogatepass")
