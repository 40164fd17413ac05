"""Checks of rows on their way from a source into PostgreSQL."""

import json
from itertools import count
from typing import Any

from shared.core.checks import Verdict
from shared.core.runs import Run, RunState
from tests.flow.cloud import Cloud


def verdicts(run: Run) -> dict[str, Verdict]:
    return {result.name: result.verdict for result in run.checks}


def make(cloud: Cloud, name: str, rows: str, *checks: dict[str, Any], **config: Any) -> None:
    columns = "ID NUMBER(9,0), CITY VARCHAR, SIZE NUMBER(9,0), PRIMARY KEY (ID)"
    cloud.source(f"CREATE TABLE {{db}}.{name.upper()} ({columns})")
    cloud.source(f"INSERT INTO {{db}}.{name.upper()} VALUES {rows}")
    cloud.configure(name, checks=list(checks), **config)


def test_rows_that_break_a_check_go_to_quarantine_and_the_others_are_loaded(cloud: Cloud) -> None:
    make(
        cloud,
        "checked",
        "(1, 'Rome', 5), (2, 'Oslo', -1), (3, NULL, 7), (4, 'x', 8)",
        {"check": "range", "column": "size", "min": 0, "severity": "quarantine", "max_percent": 50},
        {"check": "not_null", "columns": ["city"], "severity": "warn"},
        {"check": "length", "column": "city", "max": 10},
        columns={"city": {"sensitive": True}},
    )

    run = cloud.run("checked")
    listed = cloud.sluice("quarantine", "list", "checked")
    replayed = cloud.sluice("quarantine", "replay", run.run_id)

    assert run.state is RunState.COMMITTED, run.failure
    assert run.receipt is not None
    assert run.receipt.adds_up
    assert (run.receipt.rows_source, run.receipt.rows_rejected) == (4, 1)
    assert cloud.target("SELECT id FROM checked ORDER BY id") == [(1,), (3,), (4,)]
    assert verdicts(run) == {
        "range(size)": Verdict.QUARANTINED,
        "not_null(city)": Verdict.WARNED,
        "length(city)": Verdict.PASSED,
    }
    (row,) = cloud.rejects(run)
    assert json.loads(row["raw"]) == {"id": "2", "city": "***", "size": "-1"}
    assert (row["rule"], row["column"]) == ("range(size)", "size")
    assert any("such as (id=2, size=-1)" in note for note in run.receipt.notes)
    assert run.run_id in listed.stdout
    assert "came from a table" in replayed.stderr


def test_check_that_fails_stops_the_run_before_anything_is_published(cloud: Cloud) -> None:
    rule = {"check": "pattern", "column": "city", "matches": "^[A-Z]"}
    make(
        cloud,
        "stopped",
        "(1, 'Rome', 1), (2, 'oslo', 2)",
        rule,
        columns={"city": {"sensitive": True}},
    )

    run = cloud.run("stopped")
    cloud.configure("stopped", checks=[rule | {"matches": "^[A-Zn]"}])
    cloud.sluice("replay", run.run_id)
    (again,) = cloud.runs("stopped")
    cloud.configure("stopped", checks=[rule | {"matches": "^[A-Z]", "severity": "warn"}])
    replayed = cloud.sluice("replay", run.run_id)

    assert run.state is RunState.QUARANTINED
    assert run.failure is not None
    assert run.failure.error == "CheckFailedError"
    assert "1 of 2 rows break it, such as (id=2, city=***)" in run.failure.message
    assert verdicts(run) == {"pattern(city)": Verdict.FAILED}
    assert again.failure is not None
    assert "such as (id=2, city=oslo)" in again.failure.message
    assert replayed.returncode == 0, replayed.stderr
    assert cloud.target("SELECT count(*) FROM stopped") == [(2,)]
    assert verdicts(cloud.runs("stopped")[-1]) == {"pattern(city)": Verdict.WARNED}


def test_row_of_a_file_that_breaks_a_check_is_mended_and_comes_again(
    cloud: Cloud, tmp_path: Any
) -> None:
    cloud.configure(
        "checked_file",
        sync_mode="append",
        csv={"columns": {"id": "int64", "city": "text"}, "max_reject_percent": 80},
        checks=[
            {
                "check": "predicate",
                "sql": "length(city) > 1",
                "severity": "quarantine",
                "max_percent": 80,
            }
        ],
    )

    run = cloud.drop("checked_file/1.csv", b"id,city\n1,Rome\nx,Oslo\n3,B\n4,Bern\n")
    mended = tmp_path / "mended.csv"
    mended.write_bytes(b"id,city\n3,Bonn\n")
    cloud.sluice("quarantine", "export", run.run_id, str(tmp_path / "bad.csv"))
    cloud.sluice("quarantine", "replay", run.run_id, "--with", str(mended))

    assert run.state is RunState.COMMITTED, run.failure
    assert [(r["line"], r["rule"], r["raw"]) for r in cloud.rejects(run)] == [
        (3, "not_int64", "x,Oslo"),
        (4, "predicate(city)", "3,B"),
    ]
    assert (tmp_path / "bad.csv").read_bytes() == b"id,city\nx,Oslo\n3,B\n"
    assert cloud.target("SELECT id FROM checked_file ORDER BY id") == [(1,), (3,), (4,)]


def test_check_of_a_column_that_there_is_not_is_refused_before_anything_is_read(
    cloud: Cloud,
) -> None:
    make(cloud, "mischecked", "(1, 'Rome', 1)", {"check": "range", "column": "sise", "min": 0})

    run = cloud.run("mischecked")

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert "range(sise)" in run.failure.message
    assert "columns are id, city, size" in run.failure.message


def test_target_looks_for_repeated_values_and_for_the_rows_that_others_refer_to(
    cloud: Cloud,
) -> None:
    make(cloud, "owners", "(1, 'Rome', 1), (2, 'Oslo', 2)")
    cloud.run("owners")
    refers = {"check": "references", "columns": ["size"], "table": "owners", "to": ["id"]}
    make(
        cloud,
        "owned",
        "(1, 'x', 1), (2, 'x', 2), (3, NULL, 9)",
        {"check": "unique", "columns": ["city"], "severity": "warn"},
        refers,
    )

    stopped = cloud.run("owned")
    cloud.configure("owned", checks=[refers | {"severity": "warn"}])
    warned = cloud.run("owned")

    assert stopped.state is RunState.QUARANTINED
    assert verdicts(stopped) == {
        "unique(city)": Verdict.WARNED,
        "references(size: owners)": Verdict.FAILED,
    }
    assert stopped.failure is not None
    assert "1 rows refer to no row there, such as (size=9)" in stopped.failure.message
    assert verdicts(warned) == {"references(size: owners)": Verdict.WARNED}
    assert cloud.target("SELECT count(*) FROM owned") == [(3,)]


def test_runs_are_compared_with_those_before_them(cloud: Cloud) -> None:
    make(
        cloud,
        "compared",
        "(1, 'Rome', 10), (2, 'Oslo', 12), (3, 'Bern', 11)",
        {"check": "rows", "max_change_percent": 40},
        {"check": "drift", "column": "size"},
    )
    for _ in range(3):
        cloud.run("compared")
    cloud.source("INSERT INTO {db}.COMPARED VALUES (4, 'Kyiv', 90)")
    drifted = cloud.run("compared")
    cloud.source("INSERT INTO {db}.COMPARED VALUES (5, 'Bonn', 9), (6, 'Nice', 9)")

    grown = cloud.run("compared")

    assert verdicts(cloud.runs("compared")[0])["drift(size)"] is Verdict.UNKNOWN
    assert verdicts(drifted) == {"rows": Verdict.PASSED, "drift(size)": Verdict.WARNED}
    assert grown.state is RunState.QUARANTINED
    assert grown.failure is not None
    assert "6 rows, the median of the last 4 runs is 3" in grown.failure.message
    assert cloud.target("SELECT count(*) FROM compared") == [(4,)]


def test_table_is_checked_and_profiled_as_it_is_in_the_target_now(cloud: Cloud) -> None:
    rows = ", ".join(f"({i}, '{'Rome' if i % 2 else 'Oslo'}', {i})" for i in range(120))
    make(
        cloud,
        "looked_at",
        rows,
        {"check": "in_set", "column": "city", "values": ["Rome", "Oslo"]},
        {"check": "unique", "columns": ["size"]},
        {"check": "range", "column": "size", "max": 118, "severity": "quarantine"},
        {"check": "rows", "min": 100},
    )
    run = cloud.run("looked_at")

    good = cloud.sluice("check", "looked_at", "--json")
    cloud.target("UPDATE looked_at SET city = 'Paris', size = 7 WHERE id = 3")
    bad = cloud.sluice("check", "looked_at")
    profile = cloud.sluice("profile", "looked_at")
    shown = cloud.sluice("runs", run.run_id)

    assert (good.returncode, {r["verdict"] for r in json.loads(good.stdout)}) == (0, {"passed"})
    assert bad.returncode == 1
    assert "1 of 119 rows break it, such as (id=3, city=Paris)" in bad.stdout
    assert "2 rows have values of other rows, such as (size=7)" in bad.stdout
    assert "- {check: in_set, column: city, values: [Oslo, Paris, Rome]}\n" in profile.stdout
    assert "most frequent: Oslo (60), Rome (58), Paris (1)" in profile.stdout
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["quarantined", "range(size)", "quarantine", "1"] in lines


def test_file_is_profiled_without_any_cloud(cloud: Cloud, tmp_path: Any) -> None:
    file = tmp_path / "cities.csv"
    file.write_text("id;city\n" + "".join(f"{i};Rome\n" for i in range(100)))

    found = json.loads(cloud.sluice("profile", str(file), "--json").stdout)

    assert [(c["name"], c["distinct"], c["maximum"]) for c in found["columns"]] == [
        ("id", 100, 99),
        ("city", 1, "Rome"),
    ]
    assert {"check": "in_set", "column": "city", "values": ["Rome"]} in found["checks"]


def test_file_of_another_kind_is_profiled_by_its_name(cloud: Cloud, tmp_path: Any) -> None:
    file = tmp_path / "cities.ndjson"
    file.write_text('{"id": 1}\n{"id": 5, "city": "Rome"}\n')

    found = json.loads(cloud.sluice("profile", str(file), "--json").stdout)

    assert [(c["name"], c["nulls"], c["maximum"]) for c in found["columns"]] == [
        ("id", 0, 5),
        ("city", 1, "Rome"),
    ]


def test_table_without_checks_or_rows_says_what_to_do(cloud: Cloud) -> None:
    cloud.configure("unchecked")

    done = cloud.sluice("check", "unchecked")
    profile = cloud.sluice("profile", "unchecked")

    assert (done.returncode, profile.returncode) == (1, 1)
    assert "`sluice profile unchecked` suggests some" in done.stderr
    assert "`sluice run unchecked` brings it there" in profile.stderr


def test_age_is_judged_also_where_the_source_has_not_changed(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.AGED (ID NUMBER(9,0), DAY DATE, PRIMARY KEY (ID))")
    cloud.source("INSERT INTO {db}.AGED VALUES (1, '2020-01-31')")
    rule = {"check": "freshness", "column": "day", "max_age": "1d", "severity": "warn"}
    cloud.configure("aged", schedule="hourly", checks=[rule])

    slots = count()

    def skip() -> Run | None:
        """Do a slot; a change of the source that is only moments old does not let it be skipped."""
        run = cloud.slot("aged", next(slots))
        return run if run.state is RunState.SKIPPED else None

    skipped = cloud.await_value(skip, "no slot was skipped")
    read = cloud.runs("aged")[0]

    assert read.state is RunState.COMMITTED
    assert verdicts(read) == verdicts(skipped) == {"freshness(day)": Verdict.WARNED}
    assert "the newest value is of 2020-01-31" in skipped.checks[0].reason
