"""Load and copy jobs: Parquet from Cloud Storage or from the request, and tables from tables."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from local.bigquery import types
from local.bigquery.catalog import Catalog, TableRef
from local.bigquery.engine import Engine, quote
from local.bigquery.errors import ApiError, not_found, unsupported


def load(
    engine: Engine, catalog: Catalog, config: dict[str, Any], upload: Path | None
) -> dict[str, str]:
    """Load files into a table, all of them at once or none; return the statistics.

    Raises:
        ApiError: a file is not there or does not fit, or the disposition forbids it.
    """
    if config.get("sourceFormat") != "PARQUET":
        raise unsupported(f"a load of {config.get('sourceFormat', 'CSV')}; PARQUET is")
    with tempfile.TemporaryDirectory(dir=engine.uploads_dir) as folder:
        files = [upload] if upload else _download(config["sourceUris"], Path(folder))
        ref = TableRef.of(config["destinationTable"])
        if not catalog.has(ref):
            if config.get("createDisposition") == "CREATE_NEVER":
                raise not_found("Table", str(ref))
            kept: dict[str, Any] = {
                k: config[k] for k in ("schema", "timePartitioning", "clustering") if k in config
            }
            if "schema" not in kept:
                raise unsupported("a load into a new table without a schema")
            catalog.create_table(ref, kept)
        fields = catalog.table(ref)["schema"]["fields"]
        for file in files:
            _require_fit(fields, file, config)
        rows = _insert(engine, ref, config, fields, files)
        catalog.touch(ref)
        size = sum(file.stat().st_size for file in files)
    return {
        "inputFiles": str(len(files)),
        "inputFileBytes": str(size),
        "outputRows": str(rows),
        "outputBytes": str(size),
    }


def copy(engine: Engine, catalog: Catalog, config: dict[str, Any]) -> dict[str, str]:
    """Copy a table with what it looks like; return the statistics.

    Raises:
        ApiError: the source is not there, or the destination is.
    """
    sources = config.get("sourceTables") or [config["sourceTable"]]
    if len(sources) != 1:
        raise unsupported("a copy of several tables")
    source, ref = TableRef.of(sources[0]), TableRef.of(config["destinationTable"])
    with engine.definitions:
        resource = catalog.table(source)
        if catalog.has(ref):
            if config.get("writeDisposition") != "WRITE_TRUNCATE":
                raise ApiError("duplicate", f"Already Exists: Table {ref}")
            catalog.delete_table(ref)
        catalog.create_table(ref, resource)
        with engine.connect() as connection:
            insert = f"INSERT INTO {ref.quoted} SELECT * FROM {source.quoted}"
            row = connection.execute(insert).fetchone()
        catalog.touch(ref)
    return {"copiedRows": str(row[0] if row else 0)}


def _download(uris: list[str], folder: Path) -> list[Path]:
    """Fetch the objects that the URIs name, by Google's client, as `STORAGE_EMULATOR_HOST` says."""
    from google.api_core.exceptions import NotFound
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    client = storage.Client(project="local", credentials=AnonymousCredentials())
    files = []
    for number, uri in enumerate(uris):
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        if "*" in name or "#" in name:
            raise unsupported(f"a wildcard or a generation in {uri}")
        files.append(folder / f"{number}.parquet")
        try:
            client.bucket(bucket).blob(name).download_to_filename(files[-1])
        except NotFound as exc:
            raise not_found("URI", uri) from exc
    return files


def _require_fit(fields: list[dict[str, Any]], file: Path, config: dict[str, Any]) -> None:
    names, decimals = config.get("columnNameCharacterMap"), config.get("decimalTargetTypes")
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowInvalid, OSError) as exc:
        raise ApiError("invalid", f"Input file is not in Parquet format: {exc}") from exc
    known = {each["name"].lower(): each for each in fields}
    for column in schema:
        if names != "V2" and not column.name.replace("_", "a").isalnum():
            raise ApiError("invalid", f"Invalid field name {column.name!r}: not in STRICT names")
        found = known.get(column.name.lower())
        if found is None:
            raise ApiError("invalid", f"Provided Schema does not match: no field {column.name}")
        types.require_loadable(found, column.type, decimals or ["NUMERIC"])


def _insert(
    engine: Engine,
    ref: TableRef,
    config: dict[str, Any],
    fields: list[dict[str, Any]],
    files: list[Path],
) -> int:
    disposition = config.get("writeDisposition", "WRITE_APPEND")
    with engine.connect() as connection:
        connection.execute("BEGIN")
        if disposition == "WRITE_TRUNCATE":
            connection.execute(f"DELETE FROM {ref.quoted}")
        elif disposition == "WRITE_EMPTY" and _has_rows(connection, ref):
            raise ApiError("duplicate", f"Already Exists: Table {ref}")
        present = {each.name.lower() for each in pq.read_schema(files[0])}
        names = [each for each in fields if each["name"].lower() in present]
        listed = ", ".join(quote(each["name"]) for each in names)
        casts = ", ".join(f"{quote(each['name'])}::{types.stored(each)}" for each in names)
        insert = f"INSERT INTO {ref.quoted} ({listed}) SELECT {casts} FROM read_parquet($1)"
        row = connection.execute(insert, [[str(file) for file in files]]).fetchone()
        connection.execute("COMMIT")
    return int(row[0]) if row else 0


def _has_rows(connection: duckdb.DuckDBPyConnection, ref: TableRef) -> bool:
    return connection.execute(f"SELECT 1 FROM {ref.quoted} LIMIT 1").fetchone() is not None
