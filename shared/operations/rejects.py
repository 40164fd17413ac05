"""Rejected rows as people look at them: cell by cell, the one to blame marked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shared.checks.values import MASK
from shared.core.runs import Run
from shared.wiring import Services

if TYPE_CHECKING:
    from shared.csv import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a rejected row; ``column`` is None where the file names none."""

    column: str | None
    text: str
    is_offending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the files of a table are written: what parts a row into cells, and their names."""

    dialect: "Dialect"
    columns: tuple[str, ...]


def layout(run: Run, services: Services) -> Layout | None:
    """Return how a run's file was written; None: nobody knows."""
    frozen = services.contracts.find(run.table)
    if frozen is None:
        return None
    return Layout(dialect=frozen.contract.dialect, columns=frozen.contract.columns)


def cells(facts: dict[str, Any], known: Layout | None) -> tuple[Cell, ...] | None:
    """Return a rejected row cell by cell; None where it cannot be parted.

    A row of the wrong width has cells too many, which are to blame, or lacks some: those are
    there, empty, and to blame. Otherwise it is the cell of the column that the reject names.
    """
    if known is None or facts.get("is_truncated") or facts["raw"] == MASK:
        return None
    from shared.csv import cells_of  # with all that reads files

    texts = cells_of(facts["raw"], known.dialect)
    if texts is None:
        return None
    blamed = _blamed(facts.get("column"), len(texts), known.columns)
    texts += [""] * (len(known.columns) - len(texts))
    return tuple(_cell(known.columns, place, text, blamed) for place, text in enumerate(texts))


def masked(
    facts: dict[str, Any], parted: tuple[Cell, ...] | None, hidden: Collection[str]
) -> tuple[dict[str, Any], tuple[Cell, ...] | None]:
    """Return a rejected row without the values of some columns.

    The row as it stands in the file holds all of them, and so may the reason: both are left out. No
    cell is shown of a row whose cells may have moved, or where the file names the columns in
    another way than the table.
    """
    if not hidden:
        return facts, parted
    names = {name.casefold() for name in hidden}  # as a file's header finds the table's columns
    is_placed = facts["column"] is not None and names.issubset(map(_folded, parted or ()))
    cells = parted and tuple(
        cell if is_placed and cell.column and _folded(cell) not in names else _hidden(cell)
        for cell in parted
    )
    is_told = facts["column"] is not None and facts["column"] not in hidden
    reason = facts["reason"] if is_told else facts["rule"]
    return {**facts, "raw": MASK, "reason": reason}, cells


def _folded(cell: Cell) -> str:
    return (cell.column or "").casefold()


def _hidden(cell: Cell) -> Cell:
    return replace(cell, text=MASK)


def _blamed(column: str | None, count: int, columns: Sequence[str]) -> range:
    """Return the places of the cells to blame in a row of so many."""
    width = len(columns)
    if count != width:
        return range(min(count, width), max(count, width))
    if column not in columns:
        return range(0)
    place = columns.index(column)
    return range(place, place + 1)


def _cell(columns: Sequence[str], place: int, text: str, blamed: range) -> Cell:
    name = columns[place] if place < len(columns) else None
    return Cell(column=name, text=text, is_offending=place in blamed)
