"""What one unit of work takes, and what a second of it costs."""

from dataclasses import dataclass

from shared.core import prices

GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Seconds and rates. Measured are those of CPU and rows, on one laptop; waits are assumed."""

    storage_call_s: float = 0.05
    """Assumed: a small object in the same region."""
    login_s: float = 0.8
    """Assumed: key-pair login to Snowflake."""
    statement_s: float = 0.25
    """Assumed: a query of metadata on a warehouse that runs."""
    connect_s: float = 0.3
    """Assumed: Cloud SQL's connector, certificate at hand."""
    start_s: float = 4.0
    """Assumed: an instance that Cloud Run adds, imports and connections of the clients included."""
    idle_cpu_s: float = 0.1
    """Measured: the function's own share of a run of an unchanged table."""
    extract_rows_per_s: float = 250_000
    """Assumed: ten columns, 145 bytes as CSV, a vCPU; less than half of what loads."""
    load_rows_per_s: float = 600_000
    """Measured: the same rows from Parquet into PostgreSQL, one connection."""
    publish_rows_per_s: float = 1_050_000
    """Measured: INSERT ... SELECT from the staging table."""
    target_rows_per_s: float = 2_400_000
    """Assumed: all connections of one server together, four times one."""
    row_bytes: int = 145
    staged_row_bytes: int = 41
    """Measured: as Parquet, zstd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a run asks for, from the budgets that CI keeps."""

    storage_reads: int
    storage_writes: int
    statements: int
    messages: int


UNCHANGED = Calls(storage_reads=1, storage_writes=2, statements=2, messages=1)
EXTRACT = Calls(storage_reads=2, storage_writes=5, statements=7, messages=2)
LOAD = Calls(storage_reads=4, storage_writes=4, statements=0, messages=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars, by default the list prices, which say of what day they are."""

    vcpu_s: float = prices.VCPU_SECOND
    gib_s: float = prices.GIB_SECOND
    write: float = prices.STORAGE_WRITE
    read: float = prices.STORAGE_READ
    gb_month: float = prices.STORAGE_GB_MONTH
    message_tib: float = prices.MESSAGE_TIB
    job_month: float = prices.JOB_MONTH


MESSAGE_BYTES = prices.MESSAGE_BYTES
VCPUS = prices.VCPUS
MEMORY_GIB = prices.MEMORY_GIB["load"]
"""As terraform/modules/catalog sizes `extract` and `load`."""
