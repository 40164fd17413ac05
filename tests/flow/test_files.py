"""CSV files from the landing bucket to PostgreSQL."""

import gzip
import hashlib
import uuid
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from shared.core.messages import IngestRequest
from shared.core.runs import RunState
from shared.operations.rejects import cells, layout
from shared.steps.row_traces import trace
from tests.flow.cloud import Cloud
from tests.workbooks import styles, workbook

GOOD = b'id,name,at,amount\n1,Rome,2024-01-01 10:00:00,1.50\n2,"Oslo, N",2024-01-02 11:00:00,2.25\n'


def test_dropped_file_is_typed_and_loaded(cloud: Cloud) -> None:
    cloud.configure("inferred", csv={}, sync_mode="append")

    run = cloud.drop("inferred/one.csv", GOOD)

    assert run.state is RunState.COMMITTED, run
    assert cloud.target("SELECT * FROM inferred ORDER BY id") == [
        (1, "Rome", datetime(2024, 1, 1, 10), Decimal("1.50")),
        (2, "Oslo, N", datetime(2024, 1, 2, 11), Decimal("2.25")),
    ]


def test_original_is_kept_in_the_raw_zone(cloud: Cloud) -> None:
    cloud.configure("kept", csv={}, sync_mode="append")

    run = cloud.drop("kept/one.csv", GOOD)

    raw = cloud.services.settings.bucket("raw")
    originals = [o for o in cloud.services.storage.list(raw, "kept/") if run.run_id in o.name]
    assert len(originals) == 1
    found = cloud.services.storage.read(raw, originals[0].name)
    assert found is not None
    assert found[0] == GOOD


def test_bad_rows_go_to_quarantine_with_line_and_reason(cloud: Cloud) -> None:
    columns = {"id": "int64", "name": "text"}
    cloud.configure("sifted", csv={"columns": columns, "max_reject_percent": 60})

    run = cloud.drop("sifted/one.csv", b"id,name\n1,a\ntwo,b\n3,c,d\n4,nul\x00l\n5,e\n")

    assert run.state is RunState.COMMITTED, run
    assert run.receipt is not None
    counts = (run.receipt.rows_source, run.receipt.rows_loaded, run.receipt.rows_rejected)
    assert counts == (5, 2, 3)
    assert run.receipt.adds_up
    rejects = cloud.rejects(run)
    assert [r["line"] for r in rejects] == [3, 4, 5]
    assert all(r["reason"] and r["rule"] for r in rejects)
    assert rejects[0]["column"] == "id"
    assert "two,b" in rejects[0]["raw"]
    assert cloud.target("SELECT * FROM sifted ORDER BY id") == [(1, "a"), (5, "e")]


def test_too_many_bad_rows_refuse_the_file_and_load_nothing(cloud: Cloud) -> None:
    cloud.configure("refused", csv={"columns": {"id": "int64"}, "max_reject_percent": 10})

    run = cloud.drop("refused/one.csv", b"id\n1\nx\n")

    assert run.state is RunState.QUARANTINED
    assert run.failure is not None
    assert "1 of 2 rows" in run.failure.message
    assert len(cloud.rejects(run)) == 1
    assert cloud.target("SELECT to_regclass('public.refused') IS NULL") == [(True,)]


def test_zero_byte_file_is_quarantined(cloud: Cloud) -> None:
    cloud.configure("hollow", csv={}, sync_mode="append")

    run = cloud.drop("hollow/one.csv", b"")

    assert run.state is RunState.QUARANTINED
    assert run.failure is not None
    assert run.failure.error == "InvalidFileError"


def test_zero_byte_first_generation_does_not_hide_the_second(cloud: Cloud) -> None:
    cloud.configure("late_fill", csv={}, sync_mode="append")
    cloud.upload("late_fill/one.csv", b"")

    run = cloud.drop("late_fill/one.csv", b"id\n1\n")

    assert run.state is RunState.COMMITTED, run
    assert cloud.target("SELECT * FROM late_fill") == [(1,)]


def test_header_without_rows_loads_nothing_and_commits(cloud: Cloud) -> None:
    cloud.configure("headed", csv={"columns": {"id": "int64"}}, sync_mode="append")

    run = cloud.drop("headed/one.csv", b"id\n")

    assert run.state is RunState.COMMITTED, run
    assert cloud.target("SELECT count(*) FROM headed") == [(0,)]


def test_file_for_no_configured_table_is_recorded(cloud: Cloud) -> None:
    generation = cloud.upload("stranger/one.csv", GOOD)

    def found() -> object:
        return [
            r
            for r in cloud.services.ledger.runs("-")
            if r.failure and "stranger" in r.failure.message
        ]

    runs = cloud.await_value(found, f"generation {generation} is not recorded")
    assert runs[0].failure.error == "UnknownTableError"


def test_same_content_under_another_name_or_packed_is_skipped(cloud: Cloud) -> None:
    cloud.configure("copied", csv={}, sync_mode="append")
    packed = gzip.compress(GOOD)
    cloud.drop("copied/one.csv", GOOD)

    runs = [cloud.drop("copied/two.csv", GOOD), cloud.drop("copied/three.csv.gz", packed)]

    assert [run.state for run in runs] == [RunState.SKIPPED] * 2
    assert all("copied/one.csv" in run.reason for run in runs)
    assert cloud.target("SELECT count(*) FROM copied") == [(2,)]
    manifest = cloud.services.manifests.find("copied", runs[1].run_id)
    assert manifest is not None
    assert manifest.file is not None
    assert manifest.file.sha256 == hashlib.sha256(packed).hexdigest()


def test_same_content_is_loaded_again_when_the_table_says_so(cloud: Cloud) -> None:
    cloud.configure("repeated", csv={"on_duplicate": "load"}, sync_mode="append")
    cloud.drop("repeated/one.csv", GOOD)

    run = cloud.drop("repeated/two.csv", GOOD)

    assert run.state is RunState.COMMITTED
    assert cloud.target("SELECT count(*) FROM repeated") == [(4,)]


def test_full_mode_replaces_the_rows_of_the_file_before(cloud: Cloud) -> None:
    cloud.configure("swapped", csv={}, sync_mode="full")
    cloud.drop("swapped/one.csv", b"id,name\n1,a\n2,b\n")

    cloud.drop("swapped/two.csv", b"id,name\n2,B\n3,c\n")

    assert cloud.target("SELECT * FROM swapped ORDER BY id") == [(2, "B"), (3, "c")]


def test_merge_by_key_updates_and_adds(cloud: Cloud) -> None:
    cloud.configure("merged", csv={}, sync_mode="incremental", primary_key=["id"])
    cloud.drop("merged/one.csv", b"id,name\n1,a\n2,b\n")

    cloud.drop("merged/two.csv", b"id,name\n2,B\n3,c\n")

    rows = cloud.target("SELECT * FROM merged ORDER BY id")
    assert rows == [(1, "a"), (2, "B"), (3, "c")]


def test_generation_that_is_gone_is_skipped(cloud: Cloud) -> None:
    cloud.configure("vanished", csv={}, sync_mode="append")
    bucket = cloud.services.settings.bucket("landing")
    name, generation = "vanished/one.csv", 1_700_000_000_000_000
    request = IngestRequest(bucket=bucket, name=name, generation=generation)

    status = cloud.push("ingest", b"", attributes=request.attributes())

    assert status == 204
    assert [r.state for r in cloud.runs("vanished")] == [RunState.SKIPPED]


def test_notification_three_times_loads_once(cloud: Cloud) -> None:
    cloud.configure("announced", csv={}, sync_mode="append")
    run = cloud.drop("announced/one.csv", GOOD)
    bucket, generation = cloud.services.settings.bucket("landing"), run.trigger_key.split("#")[1]
    request = IngestRequest(bucket=bucket, name="announced/one.csv", generation=int(generation))

    for _ in range(3):
        cloud.push("ingest", b"", attributes=request.attributes(), message_id=uuid.uuid4().hex)

    assert [r.state for r in cloud.runs("announced")] == [RunState.COMMITTED]
    assert cloud.target("SELECT count(*) FROM announced") == [(2,)]


def test_files_of_other_kinds_are_typed_sifted_and_loaded(cloud: Cloud) -> None:
    positions = {"id": "1-4", "name": "5-9", "amount": "10-"}
    cloud.configure("lines", csv={"kind": "ndjson", "max_reject_percent": 50}, sync_mode="append")
    cloud.configure("fixed", csv={"kind": "fixed", "positions": positions}, sync_mode="append")
    objects = b'{"id": 1, "o": {"n": 1.10}}\n{"id": x}\n{"id": 2, "on": "2024-01-02"}\n'

    runs = [
        cloud.drop("lines/one.ndjson.gz", gzip.compress(objects)),
        cloud.drop("lines/again.ndjson", objects),
        cloud.drop("lines/two.ndjson", GOOD),
        cloud.drop("fixed/one.txt", b"   1Rome   1.50\n   2Oslo   2.25\n"),
    ]

    states = [RunState.COMMITTED, RunState.SKIPPED, RunState.QUARANTINED, RunState.COMMITTED]
    assert [run.state for run in runs] == states, runs
    assert cloud.target('SELECT id, o::text, "on"::text FROM lines ORDER BY id') == [
        (1, '{"n": 1.10}', None),
        (2, None, "2024-01-02"),
    ]
    (reject,) = cloud.rejects(runs[0])
    assert (reject["line"], reject["rule"], reject["raw"]) == (2, "not_json", '{"id": x}')
    assert runs[2].failure is not None
    assert "is no JSON object" in runs[2].failure.message
    assert cloud.target("SELECT * FROM fixed ORDER BY id") == [
        (1, "Rome", Decimal("1.50")),
        (2, "Oslo", Decimal("2.25")),
    ]
    (found,) = trace("lines", ["id=2"], cloud.services)
    assert found.line == 3


def test_worksheet_is_loaded_and_its_rejected_row_mended_and_sent_again(
    cloud: Cloud, tmp_path: Path
) -> None:
    rules = {"kind": "excel", "columns": {"id": "int64", "code": "text", "paid": "date"}}
    cloud.configure("sheets", csv={**rules, "max_reject_percent": 50}, sync_mode="append")
    good = '<c><v>1</v></c><c t="inlineStr"><is><t>007</t></is></c><c s="1"><v>45293</v></c>'
    bad = '<c><v>2</v></c><c t="inlineStr"><is><t>a\nb</t></is></c><c t="e"><v>#N/A</v></c>'
    names = "".join(f'<c t="inlineStr"><is><t>{n}</t></is></c>' for n in rules["columns"])
    content, again = (
        workbook(
            f'<row r="2">{names}</row><row r="3">{good}</row><row r="4">{bad}</row>',
            parts={"xl/styles.xml": styles(0, 14), "docProps/app.xml": f"<P>{day}</P>"},
        )
        for day in (1, 2)
    )

    run, same, text = [
        cloud.drop("sheets/one.xlsx", content),
        cloud.drop("sheets/saved-again.xlsx", again),
        cloud.drop("sheets/three.xlsx", b"<html><body><table></table></body></html>"),
    ]

    assert (run.state, same.state, text.state) == (
        RunState.COMMITTED,
        RunState.SKIPPED,
        RunState.QUARANTINED,
    )
    assert run.receipt is not None
    assert (run.receipt.rows_loaded, run.receipt.rows_rejected) == (1, 1)
    (reject,) = cloud.rejects(run)
    assert (reject["line"], reject["column"]) == (4, "paid")
    assert reject["raw"] == '2,"a\nb",#N/A'
    parted = cells(reject, layout(run, cloud.services)) or ()
    assert [cell.text for cell in parted] == ["2", "a\nb", "#N/A"]
    assert text.failure is not None
    assert "an HTML page, and no Excel workbook" in text.failure.message
    exported = tmp_path / "mend.csv"
    cloud.sluice("quarantine", "export", run.run_id, str(exported))
    exported.write_bytes(exported.read_bytes().replace(b"#N/A", b"2024-01-03"))
    replayed = cloud.sluice("quarantine", "replay", run.run_id, "--with", str(exported))
    assert replayed.returncode == 0, replayed.stderr + replayed.stdout
    assert cloud.target("SELECT * FROM sheets ORDER BY id") == [
        (1, "007", date(2024, 1, 2)),
        (2, "a\nb", date(2024, 1, 3)),
    ]
    (found,) = trace("sheets", ["id=1"], cloud.services)
    assert found.line == 3
