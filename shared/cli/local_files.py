"""Files of this machine: what kind they are, how they are written, their bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from shared import csv
from shared.cli import render
from shared.config.csv_files import STRANGE_KEYS
from shared.errors import InvalidConfigError

CHUNK_BYTES = 2**20

_KINDS = {"excel": (".xlsx", ".xlsm"), "ndjson": (".ndjson", ".jsonl"), "parquet": (".parquet",)}
"""How names of files end, by kind."""
_PACKED = (".gz", ".zip", ".zst", ".bz2", ".xz")


def kind_by_name(file: Path) -> str:
    """Return what a file says that it is, empty for CSV; its content must agree."""
    name = file.name.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return next((kind for kind, endings in _KINDS.items() if name.endswith(endings)), "")


def stated_kind(file: Path, sheet: str | None) -> dict[str, Any]:
    """Return the points of a dialect that a file's name and ``--sheet`` state.

    Raises:
        InvalidConfigError: a worksheet is named of what is no workbook.
    """
    kind = kind_by_name(file)
    stated = {"kind": kind} if kind else {}
    if sheet:
        stated["sheet"] = sheet
    require_sense(stated, kind or "csv")
    return stated


def require_sense(stated: dict[str, Any], kind: str) -> None:
    """Make sure that options do not contradict the kind of the file, which would ignore them.

    Raises:
        InvalidConfigError: they do.
    """
    strange = sorted(STRANGE_KEYS.get(kind, frozenset()) & stated.keys())
    if strange:
        options = ", ".join("--" + name.replace("_", "-") for name in strange)
        raise InvalidConfigError(f"{options}: nothing that files of kind {kind} have; leave it out")


def detected(file: Path, given: dict[str, Any]) -> tuple[csv.Beginning, csv.Detected]:
    """Return how a file begins and how it is written.

    Raises:
        InvalidFileError: it cannot be read at all.
    """
    sheet = csv.Worksheet(given.get("sheet")) if given.get("kind") == "excel" else None
    start = csv.beginning(_chunks(file), sheet)
    return start, csv.detect(start.head, is_whole=start.is_whole, given=given)


class WatchedFile:
    """A file with a progress bar on standard error while its bytes pass: a ``csv.RangedFile``."""

    def __init__(self, path: Path, what: str, *, quiet: bool) -> None:
        """Take a file and what its bytes are read for."""
        columns = (TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        is_off = quiet or not render.errors.is_terminal  # else two blank lines stay
        self._bar = Progress(*columns, console=render.errors, transient=True, disable=is_off)
        self._path = path
        self.size_bytes = path.stat().st_size
        self._task = self._bar.add_task("", total=self.size_bytes)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Take it away."""
        self._bar.stop()

    def __iter__(self) -> Iterator[bytes]:
        """Yield its bytes from the start."""
        for chunk in _chunks(self._path):
            self._bar.advance(self._task, len(chunk))
            yield chunk

    def range(self, start: int, count: int) -> bytes:
        """Return bytes from a place on, fewer where the file ends before."""
        with self._path.open("rb") as file:
            file.seek(start)
            found = file.read(count)
        self._bar.advance(self._task, len(found))
        return found


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            yield chunk
