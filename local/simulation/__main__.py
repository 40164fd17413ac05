"""The command line of the simulation."""

import argparse
from pathlib import Path

from local.simulation.costs import Units
from local.simulation.page import Large, Slot, write
from local.simulation.scenarios import World, large_table, tables

TABLES = 10_000
HOUR_S = 3_600.0
CONNECTIONS = 40
"""What Terraform gives the functions when nobody says otherwise."""

LARGE_BYTES = 10**13
MOST_DELIVERIES = 100
"""Source: Pub/Sub, "Dead-letter topics": between 5 and 100."""


def rows_of(number: int) -> list[int]:
    """Return the rows of each table: one in ten has changed, one in a thousand much."""
    return [0 if i % 10 else (5_000_000 if i % 1_000 == 0 else 10_000) for i in range(number)]


def main() -> None:
    """Play all scenarios and write the page."""
    parser = argparse.ArgumentParser(prog="python -m local.simulation", description=__doc__)
    parser.add_argument("--page", type=Path, default=Path("docs/scale.md"))
    given = parser.parse_args()
    slots = []
    for connections, spread_s in ((CONNECTIONS, 0.0), (CONNECTIONS, HOUR_S), (20, 0.0), (200, 0.0)):
        world = World(connections)
        tables(world, rows_of(TABLES), spread_s=spread_s)
        when = "spread over the hour" if spread_s else "all at once"
        slots.append(Slot(f"{when}, {connections} connections", TABLES, world))
    rows = LARGE_BYTES // Units().row_bytes
    world, impatient = World(CONNECTIONS, MOST_DELIVERIES), World(CONNECTIONS)
    ends = large_table(world, rows)
    large_table(impatient, rows)
    write(given.page, slots, Large(rows, world, ends, impatient))


if __name__ == "__main__":
    main()
