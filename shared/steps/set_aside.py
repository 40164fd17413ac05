"""Rows of a table's source that break a check of severity quarantine, set aside one by one."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Self

import pyarrow as pa

from shared.checks import Flaw
from shared.checks.values import MASK, shown_whole
from shared.config.tables import TableConfig
from shared.core import naming
from shared.steps.attempts import Work
from shared.storage import Writer


class RowRejects:
    """One NDJSON object of the quarantine bucket per unit of work, made when there is a row for it.

    Each line has what a rejected row of a file has; ``raw`` is a JSON object of the row's values.
    Values of sensitive columns are masked in it. So are all values but those of the key where the
    table's parts are encrypted: quarantine is not. The source still has the row.
    """

    def __init__(self, work: Work, config: TableConfig, key: Sequence[str]) -> None:
        self._storage = work.services.storage
        self._bucket = work.services.settings.bucket("quarantine")
        self._name = naming.rejects_object(work.run.table, work.run.run_id, work.attempt.id)
        self._config = config
        self._key = frozenset(key)
        self._stack = ExitStack()
        self._writer: Writer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.__exit__(*exc_info)  # type: ignore[arg-type]

    @property
    def names(self) -> tuple[str, ...]:
        """The objects that were written."""
        return (self._name,) if self._writer else ()

    def set_aside(self, batch: pa.RecordBatch, flaws: Sequence[Flaw]) -> None:
        """Keep rows of a batch, each with its flaw."""
        if self._writer is None:
            stream = self._storage.create(self._bucket, self._name, "application/x-ndjson")
            self._writer = self._stack.enter_context(stream)
        rows = batch.take(pa.array([flaw.row for flaw in flaws], pa.int64())).to_pylist()
        for row, flaw in zip(rows, flaws, strict=True):
            line = json.dumps(self._line(row, flaw), ensure_ascii=False)
            self._writer.write(f"{line}\n".encode())

    def _line(self, row: dict[str, Any], flaw: Flaw) -> dict[str, Any]:
        raw = {name: self._open(name, value) for name, value in row.items()}
        return {
            "file": None,
            "generation": None,
            "line": None,
            "byte_offset": None,
            "byte_count": None,
            "column": flaw.column,
            "raw": json.dumps(raw, ensure_ascii=False),
            "is_truncated": False,
            "rule": flaw.rule,
            "reason": flaw.reason,
        }

    def _open(self, name: str, value: Any) -> str | None:
        is_hidden = name in self._config.sensitive
        is_hidden |= self._config.encryption and name not in self._key
        return MASK if is_hidden and value is not None else shown_whole(value)
