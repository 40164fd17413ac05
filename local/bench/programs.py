"""The peers: what each needs, and how it is told to do a job."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.postgres.binaries import wheel_bin_dir

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True, slots=True)
class Program:
    """A peer at one kind of job.

    Args:
        name: as the report shows it.
        packages: what its environment needs; none: it is on the machine.
        command: from its environment, the file and the target, what to run.
        is_slow: one round is enough.
        is_slowest: none of the largest file.
    """

    name: str
    packages: tuple[str, ...]
    command: Callable[[Path, Path, str], tuple[str | Path, ...]]
    is_slow: bool = False
    is_slowest: bool = False


def _script(name: str, *more: str) -> Callable[[Path, Path, str], tuple[str | Path, ...]]:
    def command(environment: Path, file: Path, target: str) -> tuple[str | Path, ...]:
        return (environment / "bin" / "python", SCRIPTS / f"{name}.py", file, target, *more)

    return command


def _psql(_: Path, file: Path, target: str) -> tuple[str | Path, ...]:
    return (
        wheel_bin_dir() / "psql",
        target,
        "-qc",
        rf"\copy psql_orders FROM '{file}' (FORMAT csv, HEADER)",
    )


def _sling(environment: Path, file: Path, target: str) -> tuple[str | Path, ...]:
    # What the wheel's own launcher looks for is not where the wheel puts it.
    binary = next(environment.glob("lib/*/site-packages/sling_linux_amd64/bin/sling*"))
    return (
        *(binary, "run", "--src-stream", f"file://{file}"),
        *("--tgt-conn", f"{target}?sslmode=disable", "--tgt-object", "public.sling_orders"),
        *("--mode", "full-refresh"),
    )


INTAKE = (
    Program("DuckDB", ("duckdb",), _script("duckdb_parquet")),
    Program("polars", ("polars",), _script("polars_parquet")),
    Program("pyarrow", ("pyarrow",), _script("pyarrow_parquet")),
    Program("pandas", ("pandas", "pyarrow"), _script("pandas_parquet")),
    Program("dlt", ("dlt[filesystem,parquet]", "pandas"), _script("dlt_parquet"), is_slow=True),
)
"""CSV to Parquet: arguments are the file and where the Parquet goes."""

LOAD = (
    Program(r"psql \copy", (), _psql),
    Program(
        "ADBC",
        ("adbc-driver-postgresql", "adbc-driver-manager", "pyarrow"),
        _script("adbc_postgres", "adbc_orders"),
    ),
    Program("Sling", ("sling", "sling-linux-amd64"), _sling),
    Program(
        "dlt", ("dlt[postgres]", "pyarrow"), _script("dlt_postgres", "dlt_orders"), is_slow=True
    ),
    Program(
        "pandas to_sql",
        ("pandas", "sqlalchemy", "psycopg[binary]"),
        _script("pandas_postgres", "pandas_orders"),
        is_slow=True,
        is_slowest=True,
    ),
)
"""CSV to PostgreSQL: arguments are the file and the URI of the database."""

SQLSERVER = (
    Program(
        "pandas to_sql, fast_executemany",
        ("pandas", "sqlalchemy", "pyodbc"),
        _script("pandas_sqlserver", "pandas_orders"),
        is_slow=True,
    ),
    Program("dlt", ("dlt[mssql]", "pyarrow"), _script("dlt_sqlserver", "dlt_orders"), is_slow=True),
)
"""CSV to SQL Server: arguments are the file and the URI of the database."""

FROM_SNOWFLAKE = {
    mode: Program(
        "dlt",
        ("dlt[postgres]", "pyarrow", "snowflake-connector-python"),
        _script("dlt_snowflake", mode),
        is_slow=True,
    )
    for mode in ("replace", "merge")
}
"""Snowflake to PostgreSQL: arguments are how to reach the source and the URI of the database."""


def environment(program: Program, folder: Path) -> Path:
    """Make a program's environment, if it is not there yet, and return it."""
    name = "-".join(program.packages).translate(str.maketrans("[],", "---")) or "none"
    path = folder / name
    if program.packages and not (path / ".ready").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", path], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", path / "bin/python", *program.packages],
            check=True,
        )
        (path / ".ready").touch()
    return path


def version(program: Program, folder: Path) -> str:
    """Return the version of a program's first package."""
    if not program.packages:
        psql = wheel_bin_dir() / "psql"
        return subprocess.check_output([psql, "--version"], text=True).split()[2]
    python = environment(program, folder) / "bin/python"
    package = program.packages[0].partition("[")[0]
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.check_output([python, "-c", code], text=True).strip()
