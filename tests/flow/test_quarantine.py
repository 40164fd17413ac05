"""Quarantine: rejected rows are listed, shown, exported, mended, and sent through once."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from shared.core.runs import Run, RunState
from tests.flow.cloud import Cloud

FILE = (
    "\ufeffid;name;amount\r\n"
    "1;one;1\r\n"
    "2;zwei;=1+1\r\n"
    '3;"drei;\r\nund mehr";x\r\n'
    "4;vier\r\n"
    "5;five;5\r\n"
).encode("utf-16-le")


def make(cloud: Cloud, table: str, *, amount: str = "int64", mode: str = "append") -> None:
    columns = {"id": "int64", "name": "text", "amount": amount}
    rules = {"columns": columns, "max_reject_percent": 70}
    key = {"primary_key": ["id"]} if mode == "full" else {}
    cloud.configure(table, sync_mode=mode, csv=rules, **key)


def partly_loaded(cloud: Cloud, table: str) -> Run:
    make(cloud, table)
    run = cloud.drop(f"{table}/one.csv", FILE)
    assert run.state is RunState.COMMITTED, run.failure
    assert ids(cloud, table) == [1, 5]
    return run


def ids(cloud: Cloud, table: str) -> list[int]:
    return [i for (i,) in cloud.target(f"SELECT id FROM {table} ORDER BY id")]


def test_rejected_rows_are_listed_and_shown_with_their_reasons(cloud: Cloud) -> None:
    run = partly_loaded(cloud, "set_aside")

    listed = cloud.sluice("quarantine", "list", "set_aside", "--json")
    shown = cloud.sluice("quarantine", "show", run.run_id)
    lines = cloud.sluice("quarantine", "show", run.run_id, "--json").stdout.splitlines()

    (entry,) = json.loads(listed.stdout)
    assert (entry["run_id"], entry["rows_rejected"]) == (run.run_id, 3)
    rows = [json.loads(line) for line in lines]
    assert [(r["line"], r["column"], r["rule"]) for r in rows] == [
        (3, "amount", "not_int64"),
        (4, "amount", "not_int64"),
        (6, None, "wrong_width"),
    ]
    assert rows[1]["raw"] == '3;"drei;\r\nund mehr";x'
    assert rows[0]["file"].endswith("set_aside/one.csv")
    assert all(r["reason"] in shown.stdout for r in rows)


def test_rejected_rows_are_written_as_parquet(cloud: Cloud, tmp_path: Path) -> None:
    run = partly_loaded(cloud, "columnar")
    out = tmp_path / "rejects.parquet"

    done = cloud.sluice("quarantine", "export", run.run_id, str(out), "--format", "parquet")

    assert done.returncode == 0, done.stderr
    rows = pq.read_table(out).to_pylist()
    assert rows == cloud.rejects(run)
    assert [row["line"] for row in rows] == [3, 4, 6]


def test_report_for_a_spreadsheet_holds_no_formula(cloud: Cloud, tmp_path: Path) -> None:
    make(cloud, "reported")
    run = cloud.drop("reported/one.csv", b"id,name,amount\n1,one,1\n=2+3,b,1\n")

    done = cloud.sluice("quarantine", "show", run.run_id, "--out", str(tmp_path / "report.csv"))

    assert done.returncode == 0, done.stderr
    report = (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    assert '"\'=2+3,b,1"' in report


def test_rows_are_sent_through_once_when_the_rule_is_mended(cloud: Cloud) -> None:
    run = partly_loaded(cloud, "forgiven")
    make(cloud, "forgiven", amount="text")
    cloud.target("ALTER TABLE forgiven ALTER amount TYPE text")

    first = cloud.sluice("quarantine", "replay", run.run_id)
    second = cloud.sluice("quarantine", "replay", run.run_id)

    assert first.returncode == 0, first.stderr + first.stdout
    assert second.returncode == 1
    assert "were sent before" in second.stderr
    assert cloud.target("SELECT * FROM forgiven WHERE id IN (2, 3) ORDER BY id") == [
        (2, "zwei", "=1+1"),
        (3, "drei;\r\nund mehr", "x"),
    ]
    assert ids(cloud, "forgiven") == [1, 2, 3, 5]
    assert [r["line"] for r in cloud.rejects(cloud.runs("forgiven")[-1])] == [5]


def test_rows_are_sent_through_when_they_are_mended(cloud: Cloud, tmp_path: Path) -> None:
    run = partly_loaded(cloud, "repaired")
    exported = tmp_path / "rejected.csv"

    done = cloud.sluice("quarantine", "export", run.run_id, str(exported))
    text = exported.read_text(encoding="utf-16")
    exported.write_text(
        text.replace("=1+1", "2").replace(";x", ";3").replace("vier", "vier;4"),
        encoding="utf-16",
        newline="",
    )
    replayed = cloud.sluice("quarantine", "replay", run.run_id, "--with", str(exported))

    assert done.returncode == 0, done.stderr
    assert text.startswith("id;name;amount\n2;zwei;=1+1\n")
    assert replayed.returncode == 0, replayed.stderr + replayed.stdout
    assert ids(cloud, "repaired") == [1, 2, 3, 4, 5]


def test_rows_that_were_mended_wrongly_are_mended_again_and_come_once(
    cloud: Cloud, tmp_path: Path
) -> None:
    run = partly_loaded(cloud, "mended_twice")
    wrong, right = tmp_path / "wrong.csv", tmp_path / "right.csv"
    wrong.write_bytes(b"id;name\n2;zwei\n")
    right.write_bytes("id;name;amount\n2;zwei;2\n".encode("utf-16"))

    first = cloud.sluice("quarantine", "replay", run.run_id, "--with", str(wrong))
    second = cloud.sluice("quarantine", "replay", run.run_id, "--with", str(right))
    cloud.sluice("contract", "mended_twice", "--lift")
    refused = next(r for r in cloud.runs("mended_twice") if r.state is RunState.QUARANTINED)
    again = cloud.sluice("replay", refused.run_id)

    assert (first.returncode, second.returncode, again.returncode) == (1, 0, 1), second.stderr
    assert "was sent in its place" in again.stderr
    assert ids(cloud, "mended_twice") == [1, 2, 5]


def test_mended_rows_come_as_far_as_they_are_good_and_again_after_a_rewind(
    cloud: Cloud, tmp_path: Path
) -> None:
    cloud.configure(
        "taken_back", sync_mode="append", csv={"columns": {"id": "int64", "n": "int64"}}
    )
    good = "".join(f"{i},{i}\n" for i in range(30))
    run = cloud.drop("taken_back/one.csv", f"id,n\n{good}30,x\n31,y\n".encode())
    half, whole = tmp_path / "half.csv", tmp_path / "whole.csv"
    half.write_text("id,n\n30,30\n31,y\n")
    whole.write_text("id,n\n30,30\n31,31\n")

    first = cloud.sluice("quarantine", "replay", run.run_id, "--with", str(half))
    replay = cloud.runs("taken_back")[-1]
    (left,) = cloud.rejects(replay)
    listed = json.loads(cloud.sluice("quarantine", "list", "taken_back", "--json").stdout)
    cloud.sluice("rewind", "taken_back", "--to", run.run_id, "--yes")
    same = cloud.sluice("quarantine", "replay", run.run_id, "--with", str(half))
    once = ids(cloud, "taken_back")[30:]
    cloud.sluice("rewind", "taken_back", "--to", run.run_id, "--yes")
    other = cloud.sluice("quarantine", "replay", run.run_id, "--with", str(whole))
    refused = cloud.sluice("quarantine", "replay", run.run_id)

    assert first.returncode == 0, first.stdout + first.stderr
    assert left["raw"] == "31,y"
    assert {r["run_id"]: r["replayed_by"] for r in listed} == {
        run.run_id: replay.run_id,
        replay.run_id: None,
    }
    assert (same.returncode, once) == (0, [30]), same.stderr
    assert (other.returncode, ids(cloud, "taken_back")[30:]) == (0, [30, 31]), other.stderr
    assert refused.returncode == 1
    assert "were sent before" in refused.stderr


def test_names_reasons_and_commands_are_whole_however_narrow_the_terminal(
    cloud: Cloud, tmp_path: Path
) -> None:
    name = "a_table_of_files_with_a_long_name"
    rules = {"columns": {"id": "int64"}, "max_reject_percent": 60}
    cloud.configure(name, sync_mode="append", csv=rules)
    run = cloud.drop(f"{name}/1.csv", b"id\n1\nx\n")
    clean = cloud.drop(f"{name}/2.csv", b"id\n2\n")

    listed = cloud.sluice("quarantine", "list", name, columns=80)
    runs = cloud.sluice("runs", name, columns=80)
    whole = cloud.sluice("runs", run.run_id, columns=80)
    exported = cloud.sluice("quarantine", "export", run.run_id, str(tmp_path / "x.csv"), columns=80)
    nothing = cloud.sluice("quarantine", "export", clean.run_id, str(tmp_path / "y.csv"))

    assert f"  {run.trigger_key}\n" in listed.stdout
    assert run.run_id in listed.stdout
    assert f"sluice quarantine replay {run.run_id} --with {tmp_path}/x.csv\n" in exported.stdout
    assert "append: 1 rows loaded, 1 rejected" in runs.stdout
    assert "encoding utf-8" not in runs.stdout
    assert "encoding utf-8" in whole.stdout
    assert runs.stdout.index(clean.run_id) < runs.stdout.index(run.run_id)
    assert (nothing.returncode, list(tmp_path.iterdir())) == (1, [tmp_path / "x.csv"])
    assert f"run {clean.run_id} rejected no rows" in nothing.stderr


def test_export_that_fails_leaves_no_file(cloud: Cloud, tmp_path: Path) -> None:
    cloud.configure("never_staged", sync_mode="append", csv={"columns": {"id": "int64"}})
    run = cloud.drop("never_staged/one.csv", b"id\nx\n")

    done = cloud.sluice("quarantine", "export", run.run_id, str(tmp_path / "rows.csv"))

    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_table_that_files_replace_cannot_come_by_themselves(cloud: Cloud) -> None:
    make(cloud, "replaced_whole", mode="full")
    run = cloud.drop("replaced_whole/one.csv", FILE)

    done = cloud.sluice("quarantine", "replay", run.run_id)

    assert done.returncode == 1
    assert "mend the whole file and drop it again" in done.stderr
    assert ids(cloud, "replaced_whole") == [1, 5]


def test_refused_file_is_listed_with_its_reason(cloud: Cloud) -> None:
    cloud.configure("refused_whole", sync_mode="append", csv={"columns": {"id": "int64"}})
    run = cloud.drop("refused_whole/one.csv", b"id\nx\ny\n")

    listed = cloud.sluice("quarantine", "list", "refused_whole")
    shown = cloud.sluice("quarantine", "show", run.run_id, "--json")

    assert "2 of 2 rows" in listed.stdout
    assert [json.loads(line)["raw"] for line in shown.stdout.splitlines()] == ["x", "y"]


def test_number_of_rejected_rows_is_limited(cloud: Cloud) -> None:
    rules = {"columns": {"id": "int64"}, "max_reject_percent": 100, "max_rejects": 1}
    cloud.configure("few_rejects", sync_mode="append", csv=rules)

    run = cloud.drop("few_rejects/one.csv", b"id\n1\nx\ny\n")

    assert run.state is RunState.QUARANTINED
    assert run.failure is not None
    assert "more than max_rejects 1" in run.failure.message


def test_line_that_names_no_columns_is_rejected_again_for_its_own_reason(cloud: Cloud) -> None:
    columns = {"id": "int64", "seen": "date"}
    cloud.configure(
        "sightings",
        sync_mode="append",
        csv={"kind": "ndjson", "columns": columns, "max_reject_percent": 50},
    )
    run = cloud.drop("sightings/one.ndjson", b'{"id": 1, "seen": "2024-01-31"}\n{"id": 2,\n')
    cloud.sluice("contract", "sightings", "--lift")

    cloud.sluice("quarantine", "replay", run.run_id)
    again = cloud.runs("sightings")[-1]

    assert again.run_id != run.run_id
    assert again.failure is not None
    assert "1 of 1 rows" in again.failure.message
    (reject,) = cloud.rejects(again)
    assert (reject["rule"], reject["raw"]) == ("not_json", '{"id": 2,')
