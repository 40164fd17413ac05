"""What an engine says of columns, so that a table can be compared with a run's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.core.fidelity import Cell
from shared.core.schemas import Column, DataType, Kind


@dataclass(frozen=True, slots=True)
class Existing:
    """A column of an existing table: its type as the catalogue writes it, and NOT NULL."""

    type: str
    is_required: bool = False


class ColumnStatements(Protocol):
    """Statements about columns. Pure: names in, text out; names of tables are qualified."""

    def add_column(self, table: str, column: Column) -> str:
        """Return what adds a column that may be NULL."""

    def change_type(self, table: str, column: Column, existing: Existing) -> str:
        """Return what gives an existing column the type of ``column``."""

    def drop_column(self, table: str, name: str) -> str:
        """Return what drops a column."""


class Types(Protocol):
    """Column types in the engine."""

    @property
    def CELLS(self) -> Mapping[Kind, Cell]:  # noqa: N802 - a module's constant
        """What each kind becomes, and what that does to its values."""

    def data_type(self, name: str) -> DataType:
        """Return the column type of an existing column, by its type as the catalogue writes it."""

    def holds(self, existing: str, wanted: DataType) -> bool:
        """Say whether a column of type ``existing`` keeps every value of ``wanted`` as it is."""

    def rounds(self, existing: str, wanted: DataType) -> bool:
        """Say whether a column rounds what it has no digits for, and refuses all else."""

    def widens(self, existing: str, wanted: DataType) -> bool:
        """Say whether a column can become one of type ``wanted`` with all that is in it kept."""

    def type_name(self, data_type: DataType) -> str:
        """Return the type of a new column that is no part of a key."""

    def length_limit(self, existing: str) -> int | None:
        """Return the most characters that an existing column takes; None: any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDialect:
    """How an engine writes columns: all that a comparison with a run's columns needs."""

    sql: ColumnStatements
    types: Types
