"""The report: what was played, what came out, what limits it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from local.simulation.costs import UNCHANGED, Prices, Units
from local.simulation.plot import lines
from local.simulation.scenarios import World

_HEADS = (
    *("", "ended after", "extract, load at once", "connections of the target"),
    *("Snowflake sessions", "messages", "refused pushes", "dead letters", "dollars a month"),
)

STATEMENT_S = 400.0
"""A publish is one transaction within one delivery. Source: shared/targets/postgres."""

HOURS_A_MONTH = 730


@dataclass(frozen=True, slots=True)
class Slot:
    """One hour of many tables."""

    name: str
    tables: int
    world: World


@dataclass(frozen=True, slots=True)
class Large:
    """One large table."""

    rows: int
    world: World
    ends: dict[str, float]
    impatient: World
    """The same with the deliveries that Terraform allows."""


def write(page: Path, slots: Sequence[Slot], large: Large) -> None:
    """Write the page and its plot, which lies beside it in ``pictures/``."""
    plot = page.parent / "pictures" / "scale.svg"
    plot.parent.mkdir(exist_ok=True)
    shown = {s.name: s.world.extract.busy_over_time for s in slots[:2]}
    plot.write_text(lines("Instances of extract at work", "instances of extract", shown))
    page.write_text("\n".join((_head(), _slots(slots), _large(large), _units())))


def _head() -> str:
    return (
        "# Scale\n\nWritten by `make simulate`: a discrete-event simulation of Pub/Sub's pushes "
        "and Cloud Run's instances with the unit costs below, which were measured on a laptop or "
        "are assumed, as each line says. Nothing here was measured on Google Cloud. Prices are "
        f"those of [costs](costs.md). {date.today():%Y-%m-%d}.\n"  # noqa: DTZ011
    )


def _slots(slots: Sequence[Slot]) -> str:
    number = slots[0].tables
    idle_s = World(1).waits_s(UNCHANGED)
    rows = [
        f"| {' | '.join(_HEADS)} |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for slot in slots:
        world = slot.world
        extract, load = world.extract, world.load
        cells = (
            slot.name,
            f"{world.clock.now_s / 60:.0f} min",
            f"{extract.peak}, {load.peak}",
            f"{extract.peak + load.peak}",
            f"{extract.peak}",
            f"{extract.messages + load.messages:,}",
            f"{extract.refusals + load.refusals:,}",
            f"{extract.dead_letters + load.dead_letters}",
            f"{_a_month(world):,.0f}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return (
        "## Ten thousand tables every hour\n\n9,000 have not changed, 990 bring 10,000 rows, ten "
        "bring five million. A push that finds no instance for ten seconds is refused (429), "
        "counts as a delivery and comes back later; the fifth refusal makes it a dead letter.\n\n"
        "![Instances of extract at work](pictures/scale.svg)\n\n" + "\n".join(rows) + "\n\n"
        "All at once, the end of the hour's work is decided by the connections that the target "
        "has to give, and thousands of pushes are refused on the way; what takes longer than an "
        "hour never catches up. Spread over the hour "
        "(another minute in each table's `schedule`) the same instances are enough and hardly "
        "any push is refused. Most of the functions' money is waiting: of a run of an unchanged "
        f"table the function itself works {100 * Units().idle_cpu_s / idle_s:.0f} % of the time. "
        "Not in the table: Snowflake's warehouse, the database, and Cloud Scheduler, which takes "
        f"{number * Prices().job_month:,.0f} dollars a month for {number:,} jobs, one for each "
        "table.\n"
    )


def _a_month(world: World) -> float:
    """Return the dollars of a month of such hours; staged parts are kept for months anyway."""
    return HOURS_A_MONTH * sum(world.dollars(Prices()).values())


def _large(large: Large) -> str:
    world, units = large.world, Units()
    staged_h, loaded_h = (large.ends[what] / 3600 for what in ("staged", "loaded"))
    publish_h = large.rows / units.publish_rows_per_s / 3600
    most = STATEMENT_S * units.publish_rows_per_s
    dollars = world.dollars(Prices())
    table = "\n".join(f"| {name} | {value:,.2f} |" for name, value in dollars.items())
    refused = large.impatient.extract.dead_letters + large.impatient.load.dead_letters
    return (
        f"## One table of ten terabytes\n\n{large.rows:,} rows of {units.row_bytes} bytes, "
        f"{world.connections} connections: {world.extract.messages:,} units of extract, "
        f"{world.load.messages:,} parts of load, at most {world.extract.peak} and "
        f"{world.load.peak} at a time; so many Snowflake sessions, and connections of the target. "
        f"Staged after {staged_h:.1f} hours, all parts in the staging table after "
        f"{loaded_h:.1f}, by the server's own limit of {units.target_rows_per_s:,.0f} rows/s.\n\n"
        f"| what | dollars |\n| --- | ---: |\n{table}\n\n"
        f"What does not work: the publish is one transaction within one delivery, {STATEMENT_S:.0f}"
        f" s, and would take {publish_h:.0f} hours. So a run of more than about {most / 1e6:,.0f} "
        "million rows that go by way of the staging table cannot be published into PostgreSQL; "
        "such a table must come in incremental runs or parts, or go to a target that takes it. "
        "And with five deliveries for each message, as Terraform sets it, "
        f"{refused} of the units and parts would end as dead letters before an instance was free "
        "for them: figures here are those of a hundred deliveries, the most that Pub/Sub allows.\n"
    )


def _units() -> str:
    shown = Units()
    lines_ = [
        ("a call of Cloud Storage", f"{shown.storage_call_s} s", "assumed"),
        ("login to Snowflake; a statement", f"{shown.login_s} s; {shown.statement_s} s", "assumed"),
        ("connection to Cloud SQL", f"{shown.connect_s} s", "assumed"),
        ("a new instance, until it works", f"{shown.start_s} s", "assumed"),
        ("CPU of a run of an unchanged table", f"{shown.idle_cpu_s} s", "measured"),
        ("extract", f"{shown.extract_rows_per_s:,.0f} rows/s", "assumed"),
        ("load, one connection", f"{shown.load_rows_per_s:,.0f} rows/s", "measured"),
        ("publish", f"{shown.publish_rows_per_s:,.0f} rows/s", "measured"),
        ("the target with all connections", f"{shown.target_rows_per_s:,.0f} rows/s", "assumed"),
        ("a row, as CSV; staged", f"{shown.row_bytes}; {shown.staged_row_bytes} bytes", "measured"),
    ]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines_)
    return (
        "## Unit costs\n\nCalls and messages of a run are the budgets that CI keeps "
        f"(`tests/flow/test_budgets.py`).\n\n| what | takes | |\n| --- | ---: | --- |\n{rows}\n"
    )
