"""Configuration that a command writes: a table's file and the connections that it needs.

Written first and judged afterwards, by the reader that all commands have; what turns out to be
wrong is taken back, so a folder of table files never keeps half of an attempt.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from shared.config import documents
from shared.errors import InvalidConfigError

_BLOCK = re.compile(r"^connections:[ \t]*(#.*)?$", re.MULTILINE)
"""The key, where its mapping is written on lines of their own."""

_WIDTH = 10_000
"""No line is broken."""


class Draft:
    """Files of a configuration folder, as they were before and as they are to be."""

    def __init__(self, config: Path, environment: str) -> None:
        self._config = config
        self.environment_file = config / "environments" / f"{environment}.yaml"
        self._before: dict[Path, str | None] = {}

    @property
    def files(self) -> list[Path]:
        """The files that were written."""
        return list(self._before)

    def table_file(self, name: str) -> Path:
        """Return where a table's file is."""
        return self._config / "tables" / f"{name}.yaml"

    def connections(self) -> set[str]:
        """Return the kinds of connections that the environment has.

        Raises:
            InvalidConfigError: its file is no YAML.
        """
        if not self.environment_file.exists():
            return set()
        found = documents.read(self.environment_file).data.get("connections")
        return set(found) if isinstance(found, dict) else set()

    def write_table(self, name: str, text: str) -> None:
        """Write a table's file, never over one that was there before.

        Raises:
            InvalidConfigError: there is one, or the folder cannot be written.
        """
        path = self.table_file(name)
        if path.exists() and path not in self._before:
            raise InvalidConfigError(f"{path} is there already; choose another --name")
        self._write(path, text)

    def add_connection(self, kind: str, values: Mapping[str, Any]) -> None:
        """Add a connection to the environment's file, whose comments stay.

        Raises:
            InvalidConfigError: its connections are written in a way that leaves no place for it.
        """
        line = f"  {kind}: {inline(values)}\n"
        path = self.environment_file
        text = path.read_text("utf-8") if path.exists() else ""
        found = _BLOCK.search(text)
        if found:
            at = found.end() + 1
            text = f"{text[: found.end()]}\n{line}{text[at:]}"
        elif "connections" not in (documents.read(path).data if text else {}):
            text = f"connections:\n{line}{text}"
        else:
            raise InvalidConfigError(
                f"{path}: connections stands on one line; write below it, on a line of its own:\n"
                f"{line.rstrip()}"
            )
        self._write(path, text)

    def undo(self) -> None:
        """Bring all files back to what they were."""
        for path, before in self._before.items():
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(before, "utf-8")
        self._before.clear()

    def _write(self, path: Path, text: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path not in self._before:
                self._before[path] = path.read_text("utf-8") if path.exists() else None
            path.write_text(text, "utf-8")
        except OSError as exc:
            raise InvalidConfigError(f"{path} cannot be written: {exc.strerror}") from exc


def inline(value: object) -> str:
    """Return a value as YAML on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=_WIDTH, allow_unicode=True
    )
    return text.removesuffix("\n...\n").strip()
