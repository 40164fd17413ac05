"""A root file system with Python and little else, to run an archive in: no unixODBC, no driver.

It holds the interpreter, the libraries of the system that interpreter and driver are linked with,
those of unixODBC left out, and the archive's folder, each where it is outside. Linux only, and only
where a process may have a user and a mount namespace of its own.
"""

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

LEFT_OUT = ("libodbc", "libltdl", "libtdsodbc")
"""Names of libraries that begin so are not taken over."""

OPENED_BY_NAME = ("libssl.so.3", "libcrypto.so.3")
"""What Microsoft's driver loads when it needs it, and Google's run images have."""

_LINKED = re.compile(r"(?:=> )?(/\S+) \(0x")
_KNOWN = re.compile(r"^\s(\S+) .*=> (/\S+)$", re.MULTILINE)
_UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")


@cache
def refusal() -> str:
    """Why no such root can be had here; empty when it can."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return "not installed: unshare"
    tried = subprocess.run(
        [*_UNSHARE, "mount", "--bind", "/proc", "/proc"], capture_output=True, text=True
    )
    return f"not installed: namespaces for everybody ({tried.stderr.strip()})" * tried.returncode


def make(root: Path, folder: Path, *, linked: list[Path]) -> None:
    """Fill ``root`` with what the interpreter of a folder, and these files, need of the system."""
    interpreter = folder / ".venv/bin/python"
    extensions = Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so")
    taken = _linked([interpreter, *extensions, *linked]) | _named(OPENED_BY_NAME)
    for path in {interpreter.readlink(), interpreter.resolve(), *taken}:
        if not path.is_relative_to(folder) and not path.name.startswith(LEFT_OUT):
            _copy(path, root)
    for path in _shown(folder):
        (root / path.relative_to("/")).mkdir(parents=True, exist_ok=True)
    (root / "tmp").mkdir(exist_ok=True)


def run(
    root: Path, folder: Path, code: str, argument: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run code with the interpreter of a folder, in that folder, with ``root`` as the root."""
    mounts = [f"mount --rbind {path} {root}{path}" for path in map(str, _shown(folder))]
    start = f"import os, sys; os.chdir({str(folder)!r}); sys.path.insert(0, os.getcwd())\n"
    program = ["chroot", str(root), str(folder / ".venv/bin/python"), "-c", start + code, argument]
    return subprocess.run(
        [*_UNSHARE, "sh", "-ec", "\n".join([*mounts, f"exec {shlex.join(program)}"])],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def _shown(folder: Path) -> list[Path]:
    """Return the folders that are the same inside; functions may share an environment."""
    encodings = sorted(Path("/usr").glob("lib*/gconv")) + sorted(Path("/usr").glob("lib/*/gconv"))
    stdlib = Path(sysconfig.get_path("stdlib"))
    return [Path("/proc"), Path("/dev"), stdlib, folder.parent, *encodings]


def _copy(path: Path, root: Path) -> None:
    place = root / path.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, place)
    place.chmod(0o755)


def _linked(files: list[Path]) -> set[Path]:
    said = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True).stdout
    return {Path(name) for name in _LINKED.findall(said)}


def _named(names: tuple[str, ...]) -> set[Path]:
    said = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    return {Path(path) for name, path in _KNOWN.findall(said) if name in names}
