"""What a server remembers beside the rows: documents by key, in memory and in one file of lines."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any


class Journal:
    """Documents that outlive the process: each change is a line, the last one of a key counts."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier process wrote; a line that it did not finish is left out."""
        self._documents: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                key, document = json.loads(line)
            except ValueError:
                continue
            self._apply(key, document)
        partial = path.with_suffix(".partial")
        partial.write_text("".join(_line(*item) for item in self._documents.items()))
        partial.replace(path)
        self._file = path.open("a", encoding="utf-8")

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a document; None when there is none."""
        return self._documents.get(key)

    def items(self, prefix: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the documents whose keys begin so, by key."""
        with self._lock:
            found = [item for item in self._documents.items() if item[0].startswith(prefix)]
        return sorted(found)

    def put(self, key: str, document: dict[str, Any] | None) -> None:
        """Write a document; None removes it."""
        with self._lock:
            self._apply(key, document)
            self._file.write(_line(key, document))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _apply(self, key: str, document: dict[str, Any] | None) -> None:
        if document is None:
            self._documents.pop(key, None)
        else:
            self._documents[key] = document


def _line(key: str, document: dict[str, Any] | None) -> str:
    return json.dumps([key, document]) + "\n"
