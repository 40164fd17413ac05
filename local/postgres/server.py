"""One server as a child of this process: prepare, start, wait, stop."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local.postgres import homes
from local.postgres.accounts import Account, substitute_for_root
from local.postgres.binaries import copy_once, locale_options, require, wheel_bin_dir
from local.postgres.errors import PostgresError

# sun_path is 104 bytes on macOS and 108 on Linux, the closing zero included. Source: unix(4) and
# unix(7).
_SOCKET_PATH_MAX_BYTES = 103
# Line 8 of postmaster.pid says "ready" once connections are served. Source: PostgreSQL,
# src/include/utils/pidfile.h.
_PID_FILE_STATUS_LINE = 7
_POLL_S = 0.01
_PREDECESSOR_TIMEOUT_S = 5.0
_LOG_TAIL_CHARS = 2000

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# Reads until the launcher is gone, however it ended, then asks for a fast shutdown. A pipe is used
# rather than PR_SET_PDEATHSIG: that fires when the starting *thread* ends, and is Linux only.
_GUARD_SCRIPT = 'read -r _; read -r pid <"$1" && [ "$pid" = "$2" ] && kill -INT "$pid"'


class Postgres:
    """One PostgreSQL server on 127.0.0.1, a child of this process.

    The superuser is `postgres`, the database `postgres`, encoding UTF8, collation C.UTF-8.
    Connections over TCP and over the Unix socket need the password (SCRAM). The password is set
    when the data directory is created; for a directory that exists already it must be the same one.
    The socket is in `<home>/run`, unless that path is too long for one.

    Not safe for use by several threads at once.
    """

    def __init__(
        self,
        state_dir: Path,
        port: int,
        password: str,
        *,
        bin_dir: Path | None = None,
        start_timeout_s: float = 30.0,
    ) -> None:
        """Describe a server; nothing is touched before `start`.

        Args:
            state_dir: folder of this server alone; made when missing.
            port: TCP port on 127.0.0.1.
            password: of the superuser.
            bin_dir: folder with `postgres` and `initdb`; default, the wheel's.
            start_timeout_s: how long `start` waits for the server to accept connections.
        """
        self._state_dir = state_dir.absolute()
        self._port = port
        self._password = password
        self._bin_dir = bin_dir
        self._start_timeout_s = start_timeout_s
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """The address with user, password and database, as libpq and most clients read it."""
        password = quote(self._password, safe="")
        return f"postgresql://postgres:{password}@127.0.0.1:{self._port}/postgres"

    @functools.cached_property
    def home(self) -> Path:
        """Where the files are: the state folder, or its stand-in below the temporary folder."""
        account = self._account
        if account is None or account.can_reach(self._state_dir):
            return self._state_dir
        return homes.stand_in(self._state_dir)

    @property
    def data_dir(self) -> Path:
        """The server's data directory."""
        return self.home / "data"

    @property
    def log_path(self) -> Path:
        """The server's log, appended to by every start."""
        return self.home / "postgres.log"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when it is not running."""
        return self._server.pid if self.is_running() and self._server else None

    def is_running(self) -> bool:
        """Whether the server process of this object is alive."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> str:
        """Start the server (the first time, create its data) and return its URI once it serves.

        Does nothing when it runs already. After a crash the server recovers by itself.

        Raises:
            PostgresError: it did not start (port taken, data of another major version, …); the
                log's end is in the message.
        """
        if not self.is_running():
            self.stop()
            binaries = require(self._bin_dir or wheel_bin_dir())
            self._make_home()
            self._wait_for_predecessor()
            if self._account is not None and not self._account.can_reach(binaries):
                binaries = copy_once(binaries, self.home)
            if not (self.data_dir / "PG_VERSION").exists():
                self._create_cluster(binaries)
            self._wait_until_ready(self._spawn(binaries))
        return self.uri

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server: open transactions are rolled back, clients disconnected.

        Does nothing when it is not running.

        Args:
            immediate: die on the spot, as in a crash; the next start replays the log.

        Raises:
            PostgresError: it still runs after 30 seconds.
        """
        if self._guard is not None:
            self._guard.kill()
            self._guard.wait()
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard = None
        if self._server is None:
            return
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        try:
            self._server.wait(timeout=30)
        except subprocess.TimeoutExpired as exc:
            raise self._error(
                f"process {self._server.pid} did not stop; kill it and start again"
            ) from exc
        self._server = None

    def destroy(self) -> None:
        """Stop the server and delete its files, wherever they are."""
        self.stop(immediate=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def restart(self, *, immediate: bool = False) -> str:
        """Stop and start, as in maintenance or, with `immediate`, as in a fail-over."""
        self.stop(immediate=immediate)
        return self.start()

    @functools.cached_property
    def _account(self) -> Account | None:
        return substitute_for_root()

    def _make_home(self) -> None:
        if self.home != self._state_dir:
            homes.remove_stale()
        self.home.mkdir(parents=True, exist_ok=True)
        if self.home != self._state_dir:
            if self.home.lstat().st_uid != os.geteuid():
                raise PostgresError(f"{self.home} belongs to somebody else; remove it")
            homes.claim(self.home, self._state_dir)
        for folder in (self.home / "run", self.home / "new"):
            folder.mkdir(exist_ok=True)
            self._give_away(folder)

    def _give_away(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _wait_for_predecessor(self) -> None:
        """Give the server of a killed launcher, told to stop by its guard, the time to do so.

        Whether a pid file that stays is stale is for PostgreSQL itself to judge.
        """
        deadline = time.monotonic() + _PREDECESSOR_TIMEOUT_S
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
            while time.monotonic() < deadline:
                lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
                with contextlib.suppress(PermissionError):
                    os.kill(int(lines[0]), 0)
                time.sleep(_POLL_S)

    def _create_cluster(self, binaries: Path) -> None:
        """Run initdb in a folder aside, renamed when complete: a killed one leaves nothing."""
        partial, secret = self.home / "new" / "data", self.home / "new" / "password"
        shutil.rmtree(partial, ignore_errors=True)
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(self._password, encoding="utf-8")
        self._give_away(secret)
        command = [
            *(str(binaries / "initdb"), f"--pgdata={partial}", "--username=postgres"),
            *("--auth=scram-sha-256", f"--pwfile={secret}"),
            *("--encoding=UTF8", *locale_options(binaries)),
            *("--no-sync", "--no-instructions"),
        ]
        try:
            result = subprocess.run(
                command, check=False, capture_output=True, text=True, **self._process_options()
            )
        finally:
            secret.unlink(missing_ok=True)
        if result.returncode != 0:
            raise PostgresError(f"initdb failed for {self.data_dir}:\n{result.stderr.strip()}")
        partial.rename(self.data_dir)

    def _spawn(self, binaries: Path) -> subprocess.Popen[bytes]:
        socket_dir = self.home / "run"
        socket_path = socket_dir / f".s.PGSQL.{self._port}"
        fits = len(os.fsencode(socket_path)) <= _SOCKET_PATH_MAX_BYTES
        settings = {
            **_SETTINGS,
            "port": str(self._port),
            "unix_socket_directories": str(socket_dir) if fits else "",
        }
        command = [str(binaries / "postgres"), "-D", str(self.data_dir)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log_path.open("ab") as log:
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._process_options()
            )
        pid_file = str(self.data_dir / "postmaster.pid")
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD_SCRIPT, "guard", pid_file, str(self._server.pid)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **self._process_options(),
        )
        return self._server

    def _process_options(self) -> dict[str, Any]:
        """Options of every child: plain environment, own session (Ctrl-C is ours), the account."""
        options: dict[str, Any] = {
            "env": {"PATH": os.defpath, "LC_ALL": "C"},
            "cwd": self.home,
            "start_new_session": True,
        }
        if self._account is not None:
            options |= {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        return options

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        while time.monotonic() < deadline:
            if server.poll() is not None:
                self.stop()
                raise self._error(f"it ended at once with code {server.returncode}")
            with contextlib.suppress(FileNotFoundError):
                lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
                if lines[:1] == [str(server.pid)] and lines[_PID_FILE_STATUS_LINE:][:1] == [
                    "ready   "
                ]:
                    return
            time.sleep(_POLL_S)
        self.stop(immediate=True)
        raise self._error(f"it was not ready after {self._start_timeout_s:g} s")

    def _error(self, what: str) -> PostgresError:
        try:
            tail = self.log_path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARS:]
        except FileNotFoundError:
            tail = "(no log)"
        return PostgresError(
            f"PostgreSQL on port {self._port} ({self.data_dir}): {what}. "
            f"{self.log_path} ends:\n{tail}"
        )
