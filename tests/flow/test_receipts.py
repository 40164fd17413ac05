"""Receipts: what source, stage and target say of the same rows, and what stops a run."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from shared.config.places import SqlServerTable
from shared.core.modes import SyncMode
from shared.core.receipts import Verdict, differences
from shared.core.runs import Run, RunState
from shared.core.verifying import Comparison, Fault
from shared.sources.base import Source
from shared.stage.fingerprints import Fold
from shared.steps.verify import verify
from tests.flow.cloud import Cloud

EVERY_KIND = """CREATE TABLE {db}.EVERY_KIND (
    ID NUMBER(18,0) NOT NULL, BIG NUMBER(38,0), AMOUNT NUMBER(20,4), RATIO FLOAT, NAME VARCHAR,
    FLAG BOOLEAN, DAY DATE, AT TIME(6), NTZ TIMESTAMP_NTZ(6), LTZ TIMESTAMP_LTZ(6),
    TZ TIMESTAMP_TZ(6), RAW BINARY, DOC VARIANT, PRIMARY KEY (ID))"""


@contextmanager
def opened(cloud: Cloud, name: str, **changes: Any) -> Iterator[Source]:
    """Open a table's source at a snapshot."""
    resolved, _ = cloud.services.config.get(name)
    table = resolved.table.model_copy(update=changes)
    resolved = resolved.model_copy(update={"table": table})
    with closing(cloud.services.source(resolved, f"test-{uuid.uuid4().hex[:8]}")) as source:
        source.snapshot()
        yield source


def test_source_measures_what_is_read_from_it(cloud: Cloud) -> None:
    cloud.source(EVERY_KIND)
    cloud.source(
        "INSERT INTO {db}.EVERY_KIND SELECT 1, 99999999999999999999999999999999999999, "
        "-1234567890123456.0123, -0.1, 'zoë 🦊', TRUE, '0001-01-01', "
        "'23:59:59.999999', '9999-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999', "
        "'2024-02-29 12:00:00.000001+02:00', TO_BINARY('00FF', 'HEX'), "
        """PARSE_JSON('{"a": [1, 2.5, null], "b": "é"}')"""
    )
    cloud.source(
        "INSERT INTO {db}.EVERY_KIND (ID, NAME, FLAG) VALUES (2, '', FALSE), (3, NULL, NULL)"
    )
    cloud.configure("every_kind")

    # For SQL Server texts are measured in characters too.
    with opened(cloud, "every_kind", sqlserver=SqlServerTable(table="every_kind")) as source:
        fold = Fold(source.schema())
        for batch in source.read(SyncMode.FULL, None):
            fold.add(batch)
        measured = source.measure(SyncMode.FULL, None)

    assert differences("source to read", measured, fold.point) == ()
    unknown = {
        (c.name, f)
        for c in measured.columns
        for f in ("nulls", "total", "maximum")
        if getattr(c, f) is None
    }
    assert unknown == {("big", "total")}  # 38 digits have no room for a sum
    (name,) = (column for column in measured.columns if column.name == "name")
    assert name.characters == len("zoë 🦊")


# Damage on the way into the target, and afterwards ------------------------------------------------

PLANTS = "CREATE TABLE {db}.%s (ID NUMBER(9,0), NAME VARCHAR, HEIGHT NUMBER(9,0), PRIMARY KEY (ID))"


def plants(cloud: Cloud, name: str, **config: Any) -> Run:
    """Move a table of three rows."""
    cloud.source(PLANTS % name.upper())
    cloud.source(
        f"INSERT INTO {{db}}.{name.upper()} VALUES (1, 'fern', 5), (2, 'moss', 1), (3, 'oak', 9)"
    )
    cloud.configure(name, **config)
    return cloud.run(name)


def compared(
    cloud: Cloud, table: str, *, is_full: bool = False, as_of: Run | None = None
) -> Comparison:
    """Return what ``sluice verify`` finds."""
    return verify(cloud.services, table, is_full=is_full, as_of=as_of)


def test_table_that_is_as_its_source_is_verified(cloud: Cloud) -> None:
    run = plants(cloud, "shrubs")

    assert run.receipt is not None
    assert run.receipt.verdict is Verdict.VERIFIED
    assert compared(cloud, "shrubs", as_of=run).verdict is Verdict.VERIFIED
    result = cloud.sluice("verify", "shrubs", "--full", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["verdict"] == "verified"


def test_verify_names_rows_and_columns_that_somebody_changed(cloud: Cloud) -> None:
    plants(cloud, "herbs")
    cloud.target("UPDATE herbs SET height = 8 WHERE id = 1")
    cloud.target("DELETE FROM herbs WHERE id = 2")

    found = compared(cloud, "herbs")

    assert found.verdict is Verdict.MISMATCH
    named = {(row.fault, row.key["id"], *row.columns) for row in found.rows}
    assert named == {(Fault.CHANGED, 1, "height"), (Fault.MISSING, 2)}
    facts = {(each.column, each.fact) for each in found.differences}
    assert {("", "rows"), ("height", "total")} <= facts
    result = cloud.sluice("verify", "herbs")
    assert result.returncode == 1
    assert "row id 1: changed in height" in result.stdout


def test_only_reading_everything_finds_values_that_were_swapped(cloud: Cloud) -> None:
    plants(cloud, "ferns")
    cloud.target("UPDATE ferns SET height = 6 - height WHERE id IN (1, 2)")

    quick, full = compared(cloud, "ferns"), compared(cloud, "ferns", is_full=True)

    assert quick.verdict is Verdict.VERIFIED
    assert full.verdict is Verdict.MISMATCH
    assert [row.columns for row in full.rows] == [("height",), ("height",)]


def test_table_of_files_is_compared_with_its_parts(cloud: Cloud) -> None:
    cloud.configure("seeds", csv={}, sync_mode="append")
    first = cloud.drop("seeds/one.csv", b"id,name\n1,a\n2,b\n")
    second = cloud.drop("seeds/two.csv", b"id,name\n3,c\n")
    assert [r.receipt and r.receipt.verdict for r in (first, second)] == [Verdict.VERIFIED] * 2
    assert compared(cloud, "seeds", is_full=True).verdict is Verdict.VERIFIED
    cloud.target("UPDATE seeds SET name = 'x' WHERE id = 3")

    found = compared(cloud, "seeds", is_full=True)

    named = {(row.fault, row.key["id"], row.key["name"]) for row in found.rows}
    assert named == {(Fault.EXTRA, 3, "x"), (Fault.MISSING, 3, "c")}


ALTERING = """CREATE FUNCTION alter_{t}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN {change}; RETURN NEW; END $$;
CREATE TRIGGER alter_{t} BEFORE INSERT OR UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION alter_{t}()"""


@pytest.mark.parametrize(
    ("name", "change", "config", "named"),
    [
        ("palms", "NEW.height := NEW.height + 1", {}, "column height, total: 25 became 26"),
        ("pines", "NEW.name := left(NEW.name, 2)", {}, "column name, total: 19 became 13"),
        (
            "yews",
            "NEW.name := upper(NEW.name)",
            {"read_back_percent": 100},
            "column name, fingerprint",
        ),
    ],
)
def test_run_whose_rows_are_altered_on_the_way_in_is_not_published(
    cloud: Cloud, name: str, change: str, config: dict[str, Any], named: str
) -> None:
    plants(cloud, name, **config)
    for statement in ALTERING.format(t=name, change=change).split(";\n"):
        cloud.target(statement)
    before = cloud.target(f"SELECT * FROM {name} ORDER BY id")
    cloud.source(f"INSERT INTO {{db}}.{name.upper()} VALUES (4, 'lavender', 10)")

    run = cloud.run(name)

    assert run.state is RunState.QUARANTINED, run
    assert run.failure is not None
    assert run.failure.error == "MismatchError"
    assert named in run.failure.message
    assert cloud.target(f"SELECT * FROM {name} ORDER BY id") == before
