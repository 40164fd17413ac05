"""What the matrix says, as text: the same for the same outcome."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from local.faultpoints.boards import Seen
from local.faultpoints.points import Action, Moment
from tests.crash.judging import Trouble
from tests.crash.matrix import Verdict

COLUMNS = {
    "kill before": (Moment.BEFORE, Action.KILL),
    "kill after": (Moment.AFTER, Action.KILL),
    "pause before": (Moment.BEFORE, Action.PAUSE),
    "pause after": (Moment.AFTER, Action.PAUSE),
    "fail": (Moment.BEFORE, Action.FAIL),
    "503": (Moment.BEFORE, Action.UNAVAILABLE),
    "lose": (Moment.AFTER, Action.LOSE),
}
"""Head of a column, and what the case of a cell is."""

HEAD = """\
# Crash matrix

Made by `make crash`; do not edit. Every I/O of every step has a fault point before and after it,
found by watching a clean run of each lane. At each point, one at a time:

- **kill**: the process is gone, as by `kill -9`;
- **pause**: it stands still until another delivery has done its work, then goes on as a zombie;
- **fail**: nothing is done and the connection breaks; **503**: the service answers so;
- **lose**: it is done, and the connection breaks before the reply.

Before an I/O is after the one before it, so only the first of a step is killed and paused on both
sides. A request that is all of its I/O is not killed and paused apart from it.

Then what was not acknowledged is delivered again, in any order, until all is acknowledged; the rows
are compared; everything is delivered three times more, in any order; and the rows are compared
again. All the while somebody reads the table.

In the tables, *again* means that another delivery finished the work, *same* that the delivery that
met the fault ended well by itself, *both* that it differs between lanes. A zombie that ends well
found the work done.
"""


@dataclass(slots=True)
class Row:
    """One point of one step, over all lanes."""

    lanes: set[str] = field(default_factory=set)
    effects: dict[tuple[Moment, Action], set[bool]] = field(default_factory=dict)


def totals(verdicts: Iterable[Verdict], points: int) -> str:
    """Return the line that counts."""
    verdicts = list(verdicts)
    counts = ", ".join(
        f"{sum(trouble in v.troubles for v in verdicts):,} {trouble}" for trouble in Trouble
    )
    return f"{points:,} points, {len(verdicts):,} cases: {counts}"


def document(recorded: Mapping[str, list[Seen]], verdicts: list[Verdict]) -> str:
    """Return ``docs/crash-matrix.md``.

    Args:
        recorded: the points of each lane, in order.
        verdicts: of all cases of these lanes.
    """
    rows = _rows(recorded, verdicts)
    numbers = {lane: number for number, lane in enumerate(recorded, 1)}
    lines = [HEAD, "## Lanes", ""]
    lines += [
        "| | lane | points | cases | lost | duplicated | partial |",
        "|--:|---|--:|--:|--:|--:|--:|",
    ]
    for lane, seen in recorded.items():
        mine = [v for v in verdicts if v.case.lane == lane]
        points = len({(s.point.step, str(s.point)) for s in seen})
        bad = [sum(t in v.troubles for v in mine) for t in list(Trouble)[:3]]
        cells = (numbers[lane], lane, points, len(mine), *bad)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += ["", f"**{totals(verdicts, len(rows))}**", ""]
    for step in dict.fromkeys(step for step, _ in rows):
        lines += _table(step, {p: row for (s, p), row in rows.items() if s == step}, numbers)
    return "\n".join(lines) + "\n"


def _rows(
    recorded: Mapping[str, list[Seen]], verdicts: list[Verdict]
) -> dict[tuple[str, str], Row]:
    rows: dict[tuple[str, str], Row] = {}
    for lane, seen in recorded.items():
        for each in seen:
            rows.setdefault((each.point.step, str(each.point)), Row()).lanes.add(lane)
    for verdict in verdicts:
        (fault,) = verdict.case.faults
        effects = rows[fault.step, fault.point].effects
        effects.setdefault((fault.moment, fault.action), set()).add(verdict.is_absorbed)
    return rows


def _table(step: str, rows: Mapping[str, Row], numbers: Mapping[str, int]) -> list[str]:
    lines = [
        f"## {step}",
        "",
        f"| point | lanes | {' | '.join(COLUMNS)} |",
        f"|---|---|{'---|' * len(COLUMNS)}",
    ]
    for point, row in rows.items():
        lanes = " ".join(str(numbers[lane]) for lane in numbers if lane in row.lanes)
        cells = [_effect(row.effects.get(column)) for column in COLUMNS.values()]
        lines.append(f"| {point} | {lanes} | {' | '.join(cells)} |")
    return [*lines, ""]


def _effect(absorbed: set[bool] | None) -> str:
    if not absorbed:
        return ""
    return "both" if len(absorbed) == 2 else ("same" if True in absorbed else "again")
