"""The jobs whose rows end in the stand-ins of SQL Server and BigQuery: dropped files, and peers."""

from collections.abc import Iterator
from pathlib import Path

from local.bench import data, programs
from local.bench.data import File
from local.bench.jobs import PEER_TIMEOUT_S, Bench, Job
from local.bench.measuring import FailedError, Result, run
from local.bench.programs import Program
from local.bench.sluice import Delivery
from local.topology import SQLSERVER_DATABASE, SQLSERVER_USER
from shared.targets.sqlserver import drivers

ROWS, WARM_UP_ROWS = 50_000, 5_000
"""So few because the peers' statements take their time in the stand-in."""

_NAMES = ("Sluice, drop to commit", "of which ingest", "of which load")


def jobs(bench: Bench) -> Iterator[Job]:
    """Load the same file into one database after the other."""
    file = data.clean(bench.folder, ROWS)
    ours, speed = _dropped(bench, "orders_sqlserver", file)
    peers = [_peer(bench, program) for program in programs.SQLSERVER]
    about = (
        "CSV to a table of SQL Server's stand-in, which translates T-SQL for a PostgreSQL of its "
        "own, on the same processors: what is compared is the way of sending rows, not the "
        f"database. Sluice's function loads {speed:,.0f} rows a second."
    )
    yield Job("CSV to SQL Server", about, file, (*ours, *peers))
    ours, speed = _dropped(bench, "orders_bigquery", file)
    about = (
        "CSV to a table of BigQuery's stand-in, DuckDB behind BigQuery's API, on the same "
        "processors. One load job reads all parts of a run from the bucket, one script publishes. "
        f"Sluice's function loads {speed:,.0f} rows a second, and waits for most of that time."
    )
    yield Job("CSV to BigQuery", about, file, tuple(ours))


def _dropped(bench: Bench, table: str, file: File) -> tuple[list[Result], float]:
    """Return Sluice's results, and the rows that its load handled in a second."""
    bench.tell(f"Sluice, {table}, warming up")
    bench.cloud.drop(table, data.clean(bench.folder, WARM_UP_ROWS))
    rounds: list[Delivery] = []
    for number in range(bench.rounds):
        bench.tell(f"Sluice, {table}, round {number + 1}")
        delivery = bench.cloud.drop(table, file)
        if delivery.rows != file.rows:
            raise RuntimeError(f"{table}: {delivery.rows} rows instead of {file.rows}")
        rounds.append(delivery)
    shares = ("total", "ingest", "load")
    results = [
        Result(name, tuple(getattr(d, share) for d in rounds))
        for name, share in zip(_NAMES, shares, strict=True)
    ]
    return results, file.rows / results[-1].wall_s


def _peer(bench: Bench, program: Program) -> Result:
    bench.tell(program.name)
    file = data.clean(bench.folder, ROWS)
    port = bench.cloud.described["sqlserver"]
    password = bench.cloud.services.secrets.get("sqlserver-password").text()
    uri = f"mssql://{SQLSERVER_USER}:{password}@127.0.0.1:{port}/{SQLSERVER_DATABASE}"
    try:
        where = programs.environment(program, bench.folder / "environments")
        command = program.command(where, file.path.resolve(), uri)
        odbc = _odbc(bench.folder / "odbc")
        cost = run(command, timeout_s=PEER_TIMEOUT_S, environment=odbc)
    except FailedError as exc:
        return Result(program.name, (), str(exc))
    return Result(program.name, (cost,))


def _odbc(folder: Path) -> dict[str, str]:
    """Let a program find unixODBC, and Microsoft's driver by its usual name."""
    folder.mkdir(exist_ok=True)
    driver = f"[ODBC Driver 18 for SQL Server]\nDriver={drivers.path('microsoft')}\n"
    (folder / "odbcinst.ini").write_text(driver)
    libraries = drivers.carried()
    return {"LD_LIBRARY_PATH": str(libraries), "ODBCSYSINI": str(folder.resolve())}
