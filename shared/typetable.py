"""The type table: each type of each source, what Arrow makes of it, and what each target does.

Sources and targets say it of themselves, in modules called ``types`` (``shared.csv.kinds`` for
files): ``SOURCE`` or ``CELLS``, and ``EXISTING`` with ``holds``, ``rounds`` and ``widens``. A new
target is in the table once it is registered and has such a module.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from shared import registry
from shared.config.places import TARGET_NAMES
from shared.core.fidelity import Cell, Consent, Fidelity
from shared.core.schemas import DataType, Kind
from shared.csv import kinds as files
from shared.sources.snowflake import types as snowflake
from shared.stage.arrow import arrow_type

SAMPLES = tuple(DataType(kind, 18, 4) if kind is Kind.DECIMAL else DataType(kind) for kind in Kind)
"""One type of each kind."""

_ROOM = {Kind.DECIMAL: "decimal128(p, s)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of column: the way that its values go."""

    kind: Kind
    arrow: str
    snowflake: dict[str, Cell]
    """Snowflake's types that become it."""
    csv: Cell
    targets: dict[str, Cell]
    """What each target makes of it, by the target's name in table files."""


def rows() -> Iterator[Row]:
    """Yield the whole table, one kind after the other."""
    targets = {name: types_of(name) for name in registry.TARGETS}
    for sample in SAMPLES:
        kind = sample.kind
        yield Row(
            kind=kind,
            arrow=_ROOM.get(kind, str(arrow_type(sample))),
            snowflake={n: c for n, c in snowflake.SOURCE.items() if c.type == kind.value},
            csv=files.SOURCE[kind],
            targets={name: module.CELLS[kind] for name, module in targets.items()},
        )


def types_of(target: str) -> Any:
    """Return a target's module of types.

    Raises:
        AttributeError: it does not say what becomes of each kind.
    """
    package = registry.TARGETS[target].partition(":")[0].rpartition(".")[0]
    module = import_module(f"{package}.types")
    if set(module.CELLS) != set(Kind):
        missing = ", ".join(k for k in Kind if k not in module.CELLS)
        raise AttributeError(f"{package}.types.CELLS lacks {missing}")
    return module


def existing(target: str, kind: Kind) -> dict[Fidelity, list[str]]:
    """Return what existing columns of a target do with a kind: keep it, or round it by consent."""
    module = types_of(target)
    sample = next(each for each in SAMPLES if each.kind is kind)
    found: dict[Fidelity, list[str]] = {Fidelity.EXACT: [], Fidelity.CONSENT: []}
    for name in getattr(module, "EXISTING", ()):
        if module.holds(name, sample):
            found[Fidelity.EXACT].append(name)
        elif module.rounds(name, sample):
            found[Fidelity.CONSENT].append(name)
    return found


def blocks() -> dict[str, str]:
    """Return the parts of docs/types.md that are made from the code, by name."""
    table = list(rows())
    found = {"sources": _sources(table), "targets": _targets(table), "notes": _notes(table)}
    found["consents"] = _consents()
    found["existing"] = "\n\n".join(_existing(name) for name in registry.TARGETS)
    return found


def _sources(table: list[Row]) -> str:
    lines = ["| Snowflake | CSV | Sluice | Arrow and Parquet |", "| --- | --- | --- | --- |"]
    for row in table:
        theirs = "; ".join(_shown(name, cell) for name, cell in row.snowflake.items()) or "none"
        mine = "decimal(p,s)" if row.kind is Kind.DECIMAL else row.kind
        lines.append(f"| {theirs} | {_graded(row.csv)} | `{mine}` | `{row.arrow}` |")
    return "\n".join(lines)


def _targets(table: list[Row]) -> str:
    names = list(registry.TARGETS)
    head = " | ".join(TARGET_NAMES[name] for name in names)
    lines = [f"| Sluice | {head} |", f"| --- |{' --- |' * len(names)}"]
    for row in table:
        cells = " | ".join(
            f"`{cell.type.format(p='p', s='s')}`: {_graded(cell)}" for cell in row.targets.values()
        )
        lines.append(f"| `{row.kind}` | {cells} |")
    return "\n".join(lines)


def _notes(table: list[Row]) -> str:
    lines = []
    for row in table:
        cells = {**row.snowflake, "CSV": row.csv}
        cells |= {TARGET_NAMES[name]: cell for name, cell in row.targets.items()}
        lines += [
            f"- `{row.kind}`, {name}: {cell.note}." for name, cell in cells.items() if cell.note
        ]
    return "\n".join(lines)


def _shown(name: str, cell: Cell) -> str:
    return f"`{name}`: {_graded(cell)}"


def _graded(cell: Cell) -> str:
    if not cell.consents:
        return str(cell.fidelity)
    return f"{cell.fidelity} ({', '.join(f'`{each}`' for each in cell.consents)})"


def _consents() -> str:
    lines = ["| consent | what it lets happen |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| `{each}` | {each.effect} |" for each in Consent)])


def _existing(target: str) -> str:
    lines = [
        f"### {TARGET_NAMES[target]}",
        "",
        "| Sluice | columns that keep every value, or refuse it | that round, with `round` |",
        "| --- | --- | --- |",
    ]
    for kind in Kind:
        found = existing(target, kind)
        kept, rounded = (
            ", ".join(f"`{name}`" for name in found[each]) or "none"
            for each in (Fidelity.EXACT, Fidelity.CONSENT)
        )
        shown = "decimal(18,4)" if kind is Kind.DECIMAL else kind
        lines.append(f"| `{shown}` | {kept} | {rounded} |")
    return "\n".join(lines)
