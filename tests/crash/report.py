"""What the matrix says, as text: the same for the same outcome."""

from collections.abc import Mapping
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

A load is played at every point in every lane. What is done before is the same in each, so a point
of another step is played in the first lane that comes to it.

Before an I/O is after the one before it, so only the first of a step is killed and paused on both
sides. A request that is all of its I/O is not killed and paused apart from it.

Then what was not acknowledged is delivered again, in any order, until all is acknowledged; the rows
are compared; everything is delivered three times more, in any order; and the rows are compared
again. All the while somebody reads the table.

A run that does not end committed is *stuck*. *Wrong books* are a receipt that does not add up, a
lease that is not given back, or a load record or state row that tells something else than the rows.

In the tables, *again* means that another delivery finished the work, *same* that the delivery that
met the fault ended well by itself, *both* that it differs between lanes. A zombie that ends well
found the work done.
"""


@dataclass(slots=True)
class Row:
    """One point of one step, over all lanes."""

    lanes: set[str] = field(default_factory=set)
    effects: dict[tuple[Moment, Action], set[bool]] = field(default_factory=dict)


def summary(
    recorded: Mapping[str, list[Seen]], verdicts: list[Verdict], killed: list[Verdict]
) -> str:
    """Return the lines that count.

    Args:
        recorded: the points of each lane, in order.
        verdicts: of the cases of these lanes.
        killed: of the cases in real processes.
    """
    points = len({_name(s) for seen in recorded.values() for s in seen})
    killed_at = len({(f.step, f.point) for v in killed for f in v.case.faults})
    return f"{_totals(points, verdicts)}\nreal processes: {_totals(killed_at, killed)}\n"


def document(
    recorded: Mapping[str, list[Seen]], verdicts: list[Verdict], killed: list[Verdict]
) -> str:
    """Return ``docs/crash-matrix.md``; the arguments are those of ``summary``."""
    rows = _rows(recorded, verdicts)
    numbers = {lane: number for number, lane in enumerate(recorded, 1)}
    lines = [HEAD, "## Lanes", ""]
    lines += [
        "| | lane | points | cases | lost | duplicated | partial |",
        "|--:|---|--:|--:|--:|--:|--:|",
    ]
    for lane, seen in recorded.items():
        mine = [v for v in verdicts if v.case.lane == lane]
        points = len({_name(s) for s in seen})
        bad = [sum(t in v.troubles for v in mine) for t in list(Trouble)[:3]]
        cells = (numbers[lane], lane, points, len(mine), *bad)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    litter = sum(v.litter > 0 for v in verdicts)
    lines += ["", f"**{_totals(len(rows), verdicts)}**", ""]
    lines += [f"{litter:,} cases left a staging table, which the sweep removes after a while.", ""]
    lines += _processes(killed)
    for step in dict.fromkeys(step for step, _ in rows):
        lines += _table(step, {p: row for (s, p), row in rows.items() if s == step}, numbers)
    return "\n".join(lines) + "\n"


def _processes(killed: list[Verdict]) -> list[str]:
    lines = [
        "## Real processes",
        "",
        "Functions under the framework, Pub/Sub in between, which redelivers by itself: at each",
        "point of these lanes the process that serves the delivery ends by SIGKILL.",
        "",
        "| lane | step | kills | lost | duplicated | partial |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for lane, step in sorted({(v.case.lane, v.case.faults[0].step) for v in killed}):
        mine = [v for v in killed if (v.case.lane, v.case.faults[0].step) == (lane, step)]
        bad = [sum(t in v.troubles for v in mine) for t in list(Trouble)[:3]]
        lines.append("| " + " | ".join(map(str, (lane, step, len(mine), *bad))) + " |")
    return [*lines, ""]


def _totals(points: int, verdicts: list[Verdict]) -> str:
    counts = (f"{sum(t in v.troubles for v in verdicts):,} {t}" for t in Trouble)
    return f"{points:,} points, {len(verdicts):,} cases: {', '.join(counts)}"


def _name(seen: Seen) -> tuple[str, str]:
    return seen.point.step, str(seen.point)


def _rows(
    recorded: Mapping[str, list[Seen]], verdicts: list[Verdict]
) -> dict[tuple[str, str], Row]:
    rows: dict[tuple[str, str], Row] = {}
    for lane, seen in recorded.items():
        for each in seen:
            rows.setdefault(_name(each), Row()).lanes.add(lane)
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
