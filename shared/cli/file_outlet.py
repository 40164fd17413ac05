"""Where the rows of an explained file go, if asked for: Parquet for accepted ones, NDJSON else."""

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from shared import csv
from shared.core.schemas import TableSchema
from shared.stage.arrow import arrow_schema


class Outlet:
    """A folder for accepted and rejected rows, if there is one; files appear when complete."""

    _names = ("accepted.parquet", "rejects.ndjson")

    def __init__(self, folder: Path | None, schema: TableSchema) -> None:
        self._folder = folder
        self._schema = arrow_schema(schema)
        self._stack = ExitStack()
        self._accepted: pq.ParquetWriter | None = None
        self._rejects: BinaryIO | None = None
        self.places: dict[str, str] = {}

    def __enter__(self) -> "Outlet":
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            accepted, rejects = (self._partial(name) for name in self._names)
            writer = pq.ParquetWriter(accepted, self._schema, compression="zstd")
            self._accepted = self._stack.enter_context(writer)
            self._rejects = self._stack.enter_context(rejects.open("wb"))
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        self._stack.close()
        if self._folder is None:
            return
        for what, name in zip(("accepted", "rejects"), self._names, strict=True):
            if kind:
                self._partial(name).unlink(missing_ok=True)
            else:
                self.places[what] = str(self._partial(name).rename(self._folder / name))

    def _partial(self, name: str) -> Path:
        """Return where a file grows until it is complete."""
        return (self._folder or Path()) / f".{name}.partial"

    def write(self, batch: csv.Batch) -> None:
        """Write a batch's rows and rejects."""
        if self._accepted is None or self._rejects is None:
            return
        self._accepted.write_table(pa.Table.from_batches([batch.data]))
        for reject in batch.rejects:
            line = json.dumps(asdict(reject), ensure_ascii=False)
            self._rejects.write(line.encode(errors="backslashreplace") + b"\n")
