"""Protected columns, from Snowflake and from files: what arrives, what is proven, what is shown."""

import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.core.modes import SyncMode
from shared.core.receipts import Verdict
from shared.core.runs import Run, RunState
from shared.steps.verify import verify
from tests.flow.cloud import Cloud

SENT = b"id,mail,pin,city\n1,ann@example.org,Kx-4711,Rome\n2,,Kx-4712,Oslo\n"
SHIFTED = b"id,mail,pin,city\nbo@example.org,3,Kx-4713,Bern\n4,dora@example.org,Kx-4714,Lima\n"
STAFF: dict[str, Any] = {
    "sync_mode": "incremental",
    "incremental_column": "at",
    "deletes": {"mode": "hard", "max_percent": 60},
    "checks": [{"check": "predicate", "sql": "pay = 'x'", "severity": "warn"}],
    "columns": {
        "mail": {"protect": "hash"},
        "pay": {"protect": "tokenize"},
        "phone": {"protect": "mask", "keep_last": 4},
        "born": {"protect": "redact"},
        "notes": {"protect": "drop"},
    },
}
FILES: dict[str, Any] = {
    "sync_mode": "append",
    "primary_key": [],
    "columns": {"mail": {"protect": "hash"}, "pin": {"protect": "drop"}},
}


def hashes(cloud: Cloud, *values: str) -> list[str]:
    """Return the hashes of texts by the cloud's own key."""
    resolved, _ = cloud.services.config.get("staff")
    found: list[str] = cloud.services.protection_keys(resolved).hashes(pa.array(values)).to_pylist()
    return found


def kept(cloud: Cloud, table: str, *zones: str) -> bytes:
    """Return all that is kept of a table in some zones, Parquet as its values."""
    found = []
    for zone in zones:
        bucket = cloud.services.settings.bucket(zone)
        for info in cloud.services.storage.list(bucket, ""):
            data = cloud.services.storage.read(bucket, info.name) if table in info.name else None
            found.append(_unpacked(data[0]) if data else b"")
    return b"\n".join(found)


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(b"PAR1"):
        return data
    return json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str).encode()


def logs(cloud: Cloud, table: str) -> str:
    """Return the functions' log lines about a table."""
    services = cloud.background.described["services"]
    texts = [Path(services[f]["log"]).read_text() for f in ("extract", "ingest", "load")]
    return "\n".join(li for text in texts for li in text.splitlines() if f'"{table}"' in li)


def moved(cloud: Cloud, name: str) -> Run:
    """Move a merged table of two rows whose key is hashed, with a column of each other kind."""
    cloud.source(
        f"CREATE TABLE {{db}}.{name.upper()} (MAIL VARCHAR, PAY NUMBER(9,2), PHONE VARCHAR, "
        "BORN DATE, NOTES VARCHAR, CITY VARCHAR, AT TIMESTAMP_NTZ(6), PRIMARY KEY (MAIL))"
    )
    cloud.source(
        f"INSERT INTO {{db}}.{name.upper()} VALUES ('ann@example.org', 5123.50, '+49 30 901820', "
        "'1980-02-29', 'likes tea', 'Rome', '2024-01-01 00:00:00'), "
        "('bo@example.org', NULL, NULL, NULL, NULL, 'Oslo', '2024-01-02 00:00:00')"
    )
    cloud.configure(name, **STAFF)
    return cloud.run(name)


@pytest.fixture(scope="module")
def staff(cloud: Cloud) -> Run:
    """The run that moved the table ``staff``, which no test changes."""
    return moved(cloud, "staff")


def test_protected_form_alone_arrives_and_the_receipt_says_what_it_proves(
    cloud: Cloud, staff: Run
) -> None:
    assert staff.state is RunState.COMMITTED, staff.failure
    rows = cloud.target("SELECT mail, phone, born, city FROM staff ORDER BY city")
    ann, bo = hashes(cloud, "ann@example.org", "bo@example.org")
    assert rows == [(bo, None, None, "Oslo"), (ann, "***1820", None, "Rome")]
    receipt = staff.receipt
    assert receipt is not None
    assert receipt.verdict is Verdict.VERIFIED
    assert receipt.protected["pay"].startswith("tokenize, key protection-key/1; unverifiable")
    assert receipt.source is not None
    facts = {c.name: (c.nulls, c.total) for c in receipt.source.columns}
    assert facts["pay"] == (1, None)
    assert facts["born"] == (None, None)
    assert facts["city"][1] is not None
    resolved, _ = cloud.services.config.get("staff")
    with closing(cloud.services.source(resolved, "test")) as source:
        source.snapshot()
        pieces = source.split(SyncMode.FULL, None, None, 2)
    assert {piece.column for piece in pieces} == {"AT"}  # a plan holds ends, so not by the key
    shown = cloud.sluice("runs", staff.run_id)
    assert "mail: hash, key protection-key/1" in shown.stdout
    hidden = (b"ann@ex", b"5123.5", b"30 901820", b"1980-02", b"likes tea")
    told = kept(cloud, "staff", "staging", "state", "quarantine", "audit", "config")
    told += logs(cloud, "staff").encode() + shown.stdout.encode()
    assert ann.encode() in told
    assert [word for word in hidden if word in told] == []


def test_changes_meet_protected_keys_and_rows_of_two_protections_are_not_mixed(
    cloud: Cloud,
) -> None:
    first = moved(cloud, "crew")
    cloud.source(
        "UPDATE {db}.CREW SET CITY = 'Bari', AT = SYSDATE() WHERE MAIL = 'ann@example.org'"
    )
    cloud.source("DELETE FROM {db}.CREW WHERE MAIL = 'bo@example.org'")

    run = cloud.run("crew")
    quick = verify(cloud.services, "crew", is_full=False, as_of=None)
    full = verify(cloud.services, "crew", is_full=True, as_of=None)
    cloud.target("UPDATE crew SET phone = '***1821'")
    changed = verify(cloud.services, "crew", is_full=True, as_of=None)
    changing = STAFF["columns"] | {"phone": {"protect": "redact"}}
    cloud.configure("crew", **STAFF | {"columns": changing})
    refused = cloud.run("crew")
    rewound = cloud.sluice("rewind", "crew", "--to", first.run_id, "--yes")

    assert run.state is RunState.COMMITTED, run.failure
    assert cloud.target("SELECT mail, city FROM crew") == [
        (hashes(cloud, "ann@example.org")[0], "Bari")
    ]
    assert (quick.verdict, full.verdict) == (Verdict.VERIFIED, Verdict.VERIFIED)
    assert "all values with --full" in quick.left_out["pay"]
    assert full.left_out == {}
    (row,) = changed.rows
    assert row.columns == ("phone",)
    assert "ann" not in str(row.key)
    assert refused.failure is not None
    assert refused.failure.error == "SchemaConflictError"
    assert "phone: mask, keep_last 4, now redact" in refused.failure.message
    assert "not protected as the table file says now" in rewound.stdout + rewound.stderr


def test_tokens_are_revealed_to_who_has_the_key_and_the_log_is_told(
    cloud: Cloud, staff: Run
) -> None:
    ((token,),) = cloud.target("SELECT pay FROM staff WHERE pay IS NOT NULL")

    shown = cloud.sluice("reveal", "staff", "pay", token, "--why", "case 12")
    refused = cloud.sluice("reveal", "staff", "mail", token, "--why", "case 12")

    assert shown.stdout == "5123.5\n", shown.stderr
    assert "does not tokenize mail; it tokenizes pay" in refused.stderr
    (event,) = (e for e in cloud.services.audit.events("staff") if e.kind == "column.revealed")
    assert (event.why, json.loads(event.detail)["tokens"]) == ("case 12", [token])
    assert "5123" not in event.detail


def test_file_leaves_no_protected_value_behind_where_no_original_is_kept(
    cloud: Cloud, tmp_path: Path
) -> None:
    cloud.configure("members", csv={"raw": False, "max_reject_percent": 60}, **FILES)

    first = cloud.drop("members/1.csv", SENT)
    second = cloud.drop("members/2.csv", SHIFTED)
    headless = cloud.drop("members/3.csv", SHIFTED.partition(b"\n")[2])
    compared = verify(cloud.services, "members", is_full=True, as_of=None)

    assert first.state is RunState.COMMITTED, first.failure
    assert second.state is RunState.COMMITTED, second.failure
    ann, dora = hashes(cloud, "ann@example.org", "dora@example.org")
    rows = cloud.target("SELECT * FROM members ORDER BY id")
    assert rows == [(1, ann, "Rome"), (2, None, "Oslo"), (4, dora, "Lima")]
    (reject,) = cloud.rejects(second)
    assert (reject["line"], reject["rule"], reject["raw"]) == (2, "not_int64", "***")
    assert headless.state is RunState.QUARANTINED
    assert compared.verdict is Verdict.VERIFIED
    told = kept(cloud, "members", "staging", "state", "quarantine", "audit", "raw")
    told += logs(cloud, "members").encode()
    assert ann.encode() in told
    assert [word for word in (b"example.org", b"Kx-") if word in told] == []
    exported = cloud.sluice("quarantine", "export", second.run_id, str(tmp_path / "bad.csv"))
    assert "keeps no originals" in exported.stderr
    traced = cloud.sluice("trace", "members", "id=1")
    assert "members/1.csv" in traced.stdout, traced.stderr
