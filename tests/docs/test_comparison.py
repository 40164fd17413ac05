"""What docs/comparison.md and docs/seeds.md say of speed is what docs/benchmarks.md measured."""

import re

from tests.docs.pages import DOCS

PART = "## CSV to PostgreSQL, 1,000,000 rows"
SLUICE, COPY = "Sluice, drop to commit", r"psql \copy"
SLOWER = ("Sling", "dlt", "pandas to_sql")


def measured() -> dict[str, tuple[float, float]]:
    """Return seconds and peak MiB of each program."""
    part = (DOCS / "benchmarks.md").read_text("utf-8").partition(PART)[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {
        row[0]: (float(row[1]), float(row[5])) for row in rows if len(row) > 5 and row[5].isdigit()
    }


def test_what_is_said_of_speed_was_measured() -> None:
    said = (DOCS / "comparison.md").read_text("utf-8").partition("## Speed")[2]
    found = {name: seconds for name, (seconds, _) in measured().items()}

    assert "about twice the time of `psql" in said
    assert 1.5 < found[SLUICE] / found[COPY] < 2.5
    slower = [f"{found[name] / found[SLUICE]:.1f}" for name in SLOWER]
    wanted = "Sling takes {} times the time of Sluice, dlt {} and pandas {}".format(*slower)
    assert wanted in said


def test_numbers_of_the_seeds_are_kept() -> None:
    text = (DOCS / "seeds.md").read_text("utf-8")
    rows_s = int(re.findall(r"more than ([\d,]+) rows/s from drop", text)[0].replace(",", ""))
    peak_mib = int(re.findall(r"less than (\d+) MiB", text)[0])
    seconds, mib = measured()[SLUICE]

    assert 1_000_000 / seconds > rows_s > 1_000
    assert mib < peak_mib < 512
