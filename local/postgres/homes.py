"""Stand-ins for state folders that the server's account cannot reach, below the temporary folder.

Each names the state folder that it stands in for, and goes once that one is deleted.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "sluice-postgres-"
_OWNER = "state_dir"


def stand_in(state_dir: Path) -> Path:
    """Return the stand-in of a state folder."""
    digest = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"{_PREFIX}{digest}"


def claim(home: Path, state_dir: Path) -> None:
    """Note whom a stand-in belongs to, so that it goes when the state folder is deleted."""
    state_dir.mkdir(parents=True, exist_ok=True)
    (home / _OWNER).write_text(str(state_dir), encoding="utf-8")


def remove_stale() -> None:
    """Delete the stand-ins of state folders that are gone, unless a server still runs there."""
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            is_ours = home.lstat().st_uid == os.geteuid()
            state_dir = Path((home / _OWNER).read_text(encoding="utf-8"))
            if is_ours and not state_dir.exists() and not _is_served(home):
                shutil.rmtree(home, ignore_errors=True)


def _is_served(home: Path) -> bool:
    try:
        pid = int((home / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        return False
    except PermissionError:
        return True
    return True
