"""What is loaded to speak ODBC, and from where."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.targets.sqlserver import drivers

LOADED = """
import json
from pathlib import Path
from shared.targets.sqlserver import drivers
drivers.load()
lines = Path("/proc/self/maps").read_text().splitlines()
found = {line.split()[-1] for line in lines if "libodbc" in line or "libltdl" in line}
print(json.dumps(sorted(found)))
"""
CARRIED = [str(drivers.CARRIED / "x86_64" / name) for name in ("libltdl.so.7", "libodbc.so.2")]

carried_only = pytest.mark.skipif(
    sys.platform != "linux" or drivers._machine() != "x86_64",
    reason="not installed: unixODBC is carried for Linux on x86_64 alone",
)


def loaded(**environment: str) -> list[str]:
    """Return the libraries of unixODBC that a new process loads."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def test_carried_libraries_are_the_ones_that_are_written_down() -> None:
    sums = (drivers.CARRIED / "SHA256SUMS").read_text().split()
    written = dict(zip(sums[1::2], sums[::2], strict=True))

    found = {
        str(path.relative_to(drivers.CARRIED)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in drivers.CARRIED.glob("*/*")
    }

    assert found == written


@carried_only
def test_unixodbc_is_the_carried_one_whatever_the_system_has() -> None:
    assert loaded() == CARRIED


@carried_only
def test_libraries_of_a_named_folder_take_its_place(tmp_path: Path) -> None:
    for name in drivers.LIBRARIES:
        (tmp_path / name).write_bytes((drivers.CARRIED / "x86_64" / name).read_bytes())

    named = loaded(SLUICE_ODBC_LIBRARIES=str(tmp_path))

    assert named == [str(tmp_path / name) for name in sorted(drivers.LIBRARIES)]


def test_named_folder_without_them_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"apt install libodbc2.*SLUICE_ODBC_LIBRARIES"):
        loaded(SLUICE_ODBC_LIBRARIES=str(tmp_path))
