"""The tables of ``_sluice`` that hold records, and the statements that write a publish's."""

from shared.core.manifests import FileOrigin
from shared.targets.bigquery import sql

LOADS = {
    "run_id": "STRING",
    "table_name": "STRING",
    "mode": "STRING",
    "low": "STRING",
    "high": "STRING",
    "snapshot": "STRING",
    "manifest_attempt": "STRING",
    "source_query_id": "STRING",
    "rows_loaded": "INT64",
    "rows_inserted": "INT64",
    "rows_updated": "INT64",
    "rows_deleted": "INT64",
    "rows_rejected": "INT64",
    "code_version": "STRING",
    "epoch": "INT64",
    "watermark": "STRING",
    "is_base": "BOOL",
    "committed_at": "TIMESTAMP",
}
FILES = {
    "run_id": "STRING",
    "table_name": "STRING",
    "sha256": "STRING",
    "bucket": "STRING",
    "name": "STRING",
    "generation": "INT64",
}

SCHEMAS = {
    "table_name": "STRING",
    "epoch": "INT64",
    "run_id": "STRING",
    "columns": "STRING",
    "changes": "STRING",
    "recorded_at": "TIMESTAMP",
}


def insert_load(loads: str) -> str:
    """Return INSERT of a run's record, whose counts are the script's variables."""
    counted = {
        "rows_inserted": sql.INSERTED,
        "rows_updated": sql.UPDATED,
        "rows_deleted": sql.DELETED,
        "committed_at": "CURRENT_TIMESTAMP()",
    }
    values = ", ".join(counted.get(name, f"@{name}") for name in LOADS)
    return f"INSERT INTO {loads} ({', '.join(LOADS)}) VALUES ({values})"


def insert_schema(schemas: str) -> str:
    """Return INSERT of a schema that differs from the last."""
    values = ", ".join("CURRENT_TIMESTAMP()" if n == "recorded_at" else f"@{n}" for n in SCHEMAS)
    return f"INSERT INTO {schemas} ({', '.join(SCHEMAS)}) VALUES ({values})"


def insert_file(files: str) -> str:
    """Return INSERT of a loaded file."""
    own = {"run_id": "@run_id", "table_name": "@table_name"}
    values = ", ".join(own.get(name, f"@file_{name}") for name in FILES)
    return f"INSERT INTO {files} ({', '.join(FILES)}) VALUES ({values})"


def file_values(file: FileOrigin) -> dict[str, object]:
    """Return the parameters that a file's row is made of."""
    return {
        "file_sha256": file.identity,
        "file_bucket": file.bucket,
        "file_name": file.name,
        "file_generation": file.generation,
    }
