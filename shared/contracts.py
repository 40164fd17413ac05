"""Contracts of drop paths in the state bucket: frozen once for each way to read a table's files."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from shared.core import naming
from shared.csv import Contract
from shared.errors import ConflictError, StorageUnavailableError
from shared.storage import ABSENT, Storage
from shared.wire import from_json, to_json

VERSION: Final = 1
"""Version of every frozen contract. Readers refuse any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenContract:
    """A contract, and where it comes from.

    ``file`` is the object that froze it, ``gs://…#<generation>``. The contract holds for what the
    table's configuration stated of reading files, ``CsvFiles.stated``: a change of that lets the
    next file freeze another. None, as earlier releases wrote it: for one generation of the
    configuration.
    """

    version: Literal[1] = VERSION
    table: str
    contract: Contract
    file: str
    run_id: str
    frozen_at: datetime
    config_generation: int
    stated: dict[str, Any] | None = None

    def holds_for(self, stated: dict[str, Any] | None, generation: int) -> bool:
        """Say whether files are read by it under a configuration, and a generation of that."""
        if self.stated is None:
            return self.config_generation >= generation
        return self.stated == stated


class Contracts:
    """How the files of each table are written."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def find(self, table: str) -> FrozenContract | None:
        """Return a table's contract, whatever configuration it was frozen for."""
        found = self._read(table)
        return found[0] if found else None

    def freeze(self, wanted: FrozenContract) -> FrozenContract:
        """Freeze a contract, or return the one of the same configuration, or of a later one."""
        found = self._read(wanted.table)
        if found and (
            found[0].holds_for(wanted.stated, wanted.config_generation)
            or found[0].config_generation > wanted.config_generation
        ):
            return found[0]
        try:
            self._storage.write(
                self._bucket,
                naming.contract_object(wanted.table),
                to_json(wanted),
                generation=found[1] if found else ABSENT,
                content_type="application/json",
            )
        except ConflictError:
            winner = self.find(wanted.table)
            if winner is None:
                raise StorageUnavailableError(
                    f"the contract of {wanted.table} was there and is gone"
                ) from None
            return winner
        return wanted

    def lift(self, table: str) -> bool:
        """Let the next file freeze another contract; False when there is none."""
        found = self._read(table)
        if found is None:
            return False
        self._storage.delete(self._bucket, naming.contract_object(table), found[1])
        return True

    def _read(self, table: str) -> tuple[FrozenContract, int] | None:
        name = naming.contract_object(table)
        found = self._storage.read(self._bucket, name)
        return (from_json(FrozenContract, found[0], name), found[1]) if found else None
