"""Where everything is kept: object names, built in one place.

state bucket     ledger/runs/<table>/<run>.json
                 ledger/dead/<letter>.json, ledger/sweep.json
                 ledger/contracts/<table>.json, ledger/replays/<run>.json
                 ledger/requests/<digest>.json
                 backups/<moment>.ndjson.gz
config bucket    tables/<table>.json, api/<table>.json, models.json
staging bucket   manifests/<table>/<run>.json
                 plans/<table>/<run>.json, units/<table>/<run>/<unit>.json
                 parts/<table>/<run>/<attempt>/part-00000.parquet, keys-00000.parquet
                 unloaded/<table>/<run>/<attempt>/<as the source's engine names its files>
raw bucket       <table>/dt=<date>/<run>/<file>
quarantine       <table>/<run>/<attempt>/rejects.ndjson, of a table one per unit
landing bucket   <table>/<anything>
audit bucket     chains/<table>/<9999999999 - number>-<number>.json
"""

import re
from datetime import UTC, datetime
from zlib import crc32

TABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""A table's name: it is also a Scheduler job, a log field and a folder, so it is kept plain."""

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}")

_MOMENT = "%Y%m%dT%H%M%SZ"

VERSION_PREFIX_CHARS = 33
"""So much of a table's name stands in the names of its kept versions."""

MAX_OBJECT_BYTES = 1024
"""Source: Cloud Storage, "About Cloud Storage objects", name requirements."""

NO_RUN = "00000000T000000Z-000000000000"
"""Stands for the run in the name of a version that was there before the first run."""

MODELS = "models.json"
"""Name of all models of the curated zone, in the config bucket."""

MANIFESTS = "manifests/"
"""Prefix of all manifests."""

PLANS = "plans/"
"""Prefix of all plans."""

UNITS = "units/"
"""Prefix of the outcomes of all units."""

PARTS = "parts/"
"""Prefix of all parts."""

UNLOADED = "unloaded/"
"""Prefix of all files that a source's engine wrote."""

LEDGER = "ledger/"
"""Prefix of all that is known of runs, letters and contracts."""

SWEEP_REPORT = f"{LEDGER}sweep.json"
"""Name of what the last sweep found and did."""

DEAD_LETTERS = f"{LEDGER}dead/"
"""Prefix of the records of dead letters."""

REQUESTS = f"{LEDGER}requests/"
"""Prefix of what is kept of requests that must not be carried out twice."""

BACKUPS = "backups/"
"""Prefix of the archives of ledger and configurations."""

BACKUP_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")

AUDIT = "chains/"
"""Prefix of the chains of audit events."""

LAST_SEQUENCE = 9_999_999_999
"""An audit event's name begins with how far its number is from here: a listing, which is in the
order of names, then shows the newest first, in one page however long the chain is.
"""

NO_TABLE = "-"
"""Stands for the table in the records of messages that name none."""


def config_object(table: str) -> str:
    """Return the name of a table's resolved configuration that a table file says."""
    return f"tables/{table}.json"


def api_config_object(table: str) -> str:
    """Return the name of the same that came through the API, which may write nowhere else."""
    return f"api/{table}.json"


def configured_by(name: str) -> tuple[str, str]:
    """Return the folder of a configuration and its table; both are empty for another object."""
    folder, _, rest = name.partition("/")
    table = rest.removesuffix(".json")
    known = (config_object(table), api_config_object(table))
    return (folder, table) if name in known else ("", "")


def run_object(table: str, run_id: str) -> str:
    """Return the name of a run's record."""
    return f"{runs_prefix(table)}{run_id}.json"


def moment(at: datetime) -> str:
    """Return a moment as ids begin with it, so that they sort by time."""
    return at.astimezone(UTC).strftime(_MOMENT)


def run_time(run_id: str) -> datetime:
    """Return the time of a run's trigger, or of what else has the id: it begins with that."""
    return datetime.strptime(run_id[:16], _MOMENT).replace(tzinfo=UTC)


def runs_prefix(table: str | None = None) -> str:
    """Return the prefix of a table's run records, or of all tables'."""
    return f"{LEDGER}runs/{table}/" if table else f"{LEDGER}runs/"


def run_of(name: str) -> tuple[str, str]:
    """Return table and run of an object's name in which they are the second and third folder.

    Both are empty, or the run is, for an object that somebody else put there.
    """
    _, table, run_id, *_ = [*name.removesuffix(".json").split("/"), "", ""]
    return table, run_id


def run_within(name: str) -> str:
    """Return the run whose folder, or record, an object's name has; empty where there is none."""
    folders = name.removesuffix(".json").split("/")
    return next((folder for folder in folders if RUN_ID.fullmatch(folder)), "")


def contract_object(table: str) -> str:
    """Return the name of the contract of a table's drop path."""
    return f"{LEDGER}contracts/{table}.json"


def replay_object(run_id: str) -> str:
    """Return the name of what says where a run's rejected rows were sent."""
    return f"{LEDGER}replays/{run_id}.json"


def request_object(digest: str) -> str:
    """Return the name of what is kept of a request that must not be carried out twice."""
    return f"{REQUESTS}{digest}.json"


def backup_object(backup_id: str) -> str:
    """Return the name of an archive by the moment that it was made at."""
    return f"{BACKUPS}{backup_id}.ndjson.gz"


def dead_letter_object(letter_id: str) -> str:
    """Return the name of a dead letter's record."""
    return f"{DEAD_LETTERS}{letter_id}.json"


def manifest_object(table: str, run_id: str) -> str:
    """Return the name of a run's manifest."""
    return f"{manifests_prefix(table)}{run_id}.json"


def manifests_prefix(table: str) -> str:
    """Return the prefix of the manifests of a table's runs."""
    return f"{MANIFESTS}{table}/"


def plan_object(table: str, run_id: str) -> str:
    """Return the name of a run's plan."""
    return f"{plans_prefix(table)}{run_id}.json"


def plans_prefix(table: str) -> str:
    """Return the prefix of the plans of a table's runs."""
    return f"{PLANS}{table}/"


def unit_object(table: str, run_id: str, unit: str) -> str:
    """Return the name of a unit's outcome."""
    return f"{units_prefix(table, run_id)}{unit}.json"


def units_prefix(table: str, run_id: str | None = None) -> str:
    """Return the prefix of the outcomes of the units of a run, or of all a table's runs."""
    return f"{UNITS}{table}/{run_id}/" if run_id else f"{UNITS}{table}/"


def parts_prefix(table: str, run_id: str) -> str:
    """Return the prefix of a run's parts, of all attempts."""
    return f"{PARTS}{table}/{run_id}/"


def unloaded_prefix(table: str, *run_and_attempt: str) -> str:
    """Return the prefix of the files that a source's engine wrote for a table, or a run of it.

    With the attempt behind the run it is that of one statement.
    """
    return UNLOADED + "".join(f"{folder}/" for folder in (table, *run_and_attempt))


def zone_prefix(zone: str, table: str) -> str:
    """Return the prefix of a table's rows in a zone: its parts, originals, rejects or drops."""
    return f"{PARTS}{table}/" if zone == "staging" else f"{table}/"


def part_object(table: str, run_id: str, attempt: str, number: int) -> str:
    """Return the name of a part; the attempt in it keeps two attempts from ever meeting."""
    return f"{parts_prefix(table, run_id)}{attempt}/part-{number:05d}.parquet"


def key_part_object(table: str, run_id: str, attempt: str, number: int) -> str:
    """Return the name of a part that holds keys only."""
    return f"{parts_prefix(table, run_id)}{attempt}/keys-{number:05d}.parquet"


def raw_object(table: str, run_id: str, at: datetime, name: str) -> str:
    """Return the name under which a dropped file's original is kept.

    A file's own name that no folder can have, or that would make the whole too long, is changed.
    """
    folder, file = f"{table}/dt={at:%Y-%m-%d}/{run_id}/", name.rpartition("/")[2]
    if file in (".", ".."):
        return f"{folder}{file}~"
    kept = file.encode(errors="replace")
    room_bytes = MAX_OBJECT_BYTES - len(folder)
    if len(kept) <= room_bytes:
        return f"{folder}{file}"
    digest = f"~{crc32(kept):08x}"
    return f"{folder}{kept[: room_bytes - len(digest)].decode(errors='ignore')}{digest}"


def rejects_object(table: str, run_id: str, attempt: str) -> str:
    """Return the name of a run's rejected rows."""
    return f"{table}/{run_id}/{attempt}/rejects.ndjson"


def version_prefix(table: str) -> str:
    """Return how the names of a table's kept versions in the target begin.

    With a run's id they have the 63 bytes that PostgreSQL gives a name.
    """
    if len(table) <= VERSION_PREFIX_CHARS:
        return f"{table}@"
    digest = crc32(table.encode())
    return f"{table[: VERSION_PREFIX_CHARS - 9]}~{digest:08x}@"


def version_table(table: str, run_id: str) -> str:
    """Return the name of the table that keeps what a run left."""
    return f"{version_prefix(table)}{run_id}"


def landing_table(name: str) -> str | None:
    """Return the table that a landing object was dropped for: its first folder, if it is a name."""
    folder, slash, rest = name.partition("/")
    return folder if slash and rest and TABLE_NAME.fullmatch(folder) else None


def nearest_table_name(text: str) -> str:
    """Return the nearest text that may name a table."""
    plain = re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")[:63]
    return plain if TABLE_NAME.fullmatch(plain) else f"t_{plain}"[:63]


def audit_prefix(table: str) -> str:
    """Return the prefix of a table's audit events."""
    return f"{AUDIT}{table}/"


def audit_object(table: str, sequence: int) -> str:
    """Return the name of a table's audit event by its number: two events cannot have one number."""
    return f"{audit_prefix(table)}{LAST_SEQUENCE - sequence:010d}-{sequence}.json"


def audit_sequence(name: str) -> int:
    """Return the number of an audit event by its name; 0 for an object that is none."""
    number = name.removesuffix(".json").rpartition("-")[2]
    sequence = int(number) if number.isdecimal() and len(number) <= 10 else 0
    return sequence if name.endswith(f"/{LAST_SEQUENCE - sequence:010d}-{number}.json") else 0
