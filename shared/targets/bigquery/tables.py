"""Tables as BigQuery's API makes and describes them: no statement, no cost, no transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.config.places import BigQueryTable
from shared.core.schemas import Column, TableSchema
from shared.errors import InvalidConfigError, SchemaConflictError, TargetUnavailableError
from shared.targets.bigquery import identifiers, types
from shared.targets.bigquery.jobs import Jobs
from shared.targets.columns import Existing


@dataclass(frozen=True, slots=True)
class Ref:
    """A table by its full name."""

    project: str
    dataset: str
    table: str

    @property
    def sql(self) -> str:
        """The table in a statement."""
        return f"`{self.project}`.`{self.dataset}`.`{self.table}`"

    @property
    def api(self) -> Any:
        """The table as the client takes it; a text would be cut at dots."""
        from google.cloud.bigquery import DatasetReference

        return DatasetReference(self.project, self.dataset).table(self.table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A table that is there: its columns with their types, its key, its partitions."""

    columns: dict[str, str]
    key: tuple[str, ...]
    required: frozenset[str]
    partitioned_by: str | None
    created_ms: int
    modified_ms: int
    rows: int

    @property
    def existing(self) -> dict[str, Existing]:
        """The columns as they are compared with those of a run."""
        return {n: Existing(kind, n in self.required) for n, kind in self.columns.items()}

    @property
    def schema(self) -> TableSchema:
        """The columns as every layer names them."""
        columns = tuple(
            Column(name=name, type=types.data_type(kind), is_nullable=name not in self.required)
            for name, kind in self.columns.items()
        )
        return TableSchema(columns, self.key)


def find(jobs: Jobs, ref: Ref) -> Found | None:
    """Return a table; None when it does not exist."""
    from google.api_core.exceptions import NotFound

    with jobs.failures():
        try:
            table = jobs.client.get_table(ref.api)
        except NotFound:
            return None
    return _described(table)


def _described(table: Any) -> Found:
    constraints = table.table_constraints
    key = constraints.primary_key.columns if constraints and constraints.primary_key else ()
    partitioning = table.time_partitioning
    return Found(
        columns={field.name: types.of_field(field) for field in table.schema},
        key=tuple(key),
        required=frozenset(f.name for f in table.schema if f.mode == "REQUIRED"),
        partitioned_by=partitioning.field if partitioning else None,
        created_ms=round(table.created.timestamp() * 1000),
        modified_ms=round((table.modified or table.created).timestamp() * 1000),
        rows=int(table.num_rows or 0),
    )


def fields(schema: TableSchema, *, key: tuple[str, ...] = (), is_staging: bool = False) -> Any:
    """Return the fields of a new table; in a staging table everything may be NULL.

    Raises:
        InvalidSchemaError: BigQuery takes no column of such a name.
    """
    identifiers.require_distinct(schema.names)
    return [
        _field(
            column, is_required=not is_staging and (column.name in key or not column.is_nullable)
        )
        for column in schema
    ]


def create(jobs: Jobs, ref: Ref, schema: TableSchema, place: BigQueryTable, *, key: bool) -> None:
    """Create the table that people read, if it is not there, as its configuration lays it out.

    Args:
        jobs: of the table.
        ref: where.
        schema: its columns.
        place: its configuration.
        key: whether the columns of the key are its primary key, which BigQuery does not enforce.

    Raises:
        InvalidConfigError: it is to be laid out by columns that it does not have.
    """
    from google.cloud import bigquery

    table = bigquery.Table(ref.api, schema=fields(schema, key=schema.primary_key if key else ()))
    _require_columns(place, schema)
    if place.partition_by:
        table.time_partitioning = bigquery.TimePartitioning(
            type_=place.partition_by.by.upper(), field=place.partition_by.column
        )
    if place.cluster_by:
        table.clustering_fields = list(place.cluster_by)
    if key and schema.primary_key:
        table.table_constraints = bigquery.table.TableConstraints(
            bigquery.table.PrimaryKey(list(schema.primary_key)), None
        )
    table.labels = {**place.labels, **jobs.labels}
    with jobs.failures():
        jobs.client.create_table(table, exists_ok=True)


def create_staging(jobs: Jobs, ref: Ref, schema: TableSchema, *, kept: timedelta) -> Found:
    """Create a staging table, if it is not there; BigQuery drops it after a while.

    Raises:
        TargetUnavailableError: another attempt dropped it just now.
    """
    from google.api_core.exceptions import NotFound
    from google.cloud import bigquery

    table = bigquery.Table(ref.api, schema=fields(schema, is_staging=True))
    table.expires = datetime.now(UTC) + kept
    table.labels = dict(jobs.labels)
    with jobs.failures():
        try:
            return _described(jobs.client.create_table(table, exists_ok=True))
        except NotFound as exc:
            raise TargetUnavailableError(f"{ref.sql} was dropped while it was made") from exc


def add_column(jobs: Jobs, ref: Ref, name: str, kind: str) -> None:
    """Add a column to a table; a second attempt finds it there."""
    from google.cloud.bigquery import SchemaField

    with jobs.failures():
        table = jobs.client.get_table(ref.api)
        if name not in [field.name for field in table.schema]:
            table.schema = [*table.schema, SchemaField(name, kind)]
            jobs.client.update_table(table, ["schema"])


def drop(jobs: Jobs, ref: Ref) -> None:
    """Drop a table, if it is there."""
    with jobs.failures():
        jobs.client.delete_table(ref.api, not_found_ok=True)


def names(jobs: Jobs, project: str, dataset: str) -> list[str]:
    """Return the names of a dataset's tables; none when there is no dataset."""
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import DatasetReference

    with jobs.failures():
        try:
            listed = list(jobs.client.list_tables(DatasetReference(project, dataset)))
        except NotFound:
            return []
    return [table.table_id for table in listed]


def create_dataset(jobs: Jobs, project: str, dataset: str) -> None:
    """Create a dataset in the connection's location, if it is not there."""
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import Dataset, DatasetReference

    reference = DatasetReference(project, dataset)
    with jobs.failures():
        try:
            jobs.client.get_dataset(reference)
        except NotFound:
            made = Dataset(reference)
            made.location = jobs.client.location
            jobs.client.create_dataset(made, exists_ok=True)


def require_layout(ref: Ref, place: BigQueryTable, found: Found) -> None:
    """Make sure that an existing table is partitioned as its configuration says, if it says.

    Raises:
        SchemaConflictError: it is not, and BigQuery changes no table's partitions.
    """
    wanted = place.partition_by.column if place.partition_by else None
    if wanted and wanted != found.partitioned_by:
        raise SchemaConflictError(
            f"{ref.sql} is partitioned by {found.partitioned_by or 'nothing'}, and partition_by "
            f"names {wanted}; BigQuery changes no table's partitions: write what is there, or copy "
            "the table into one that is partitioned so, under another name"
        )


def _require_columns(place: BigQueryTable, schema: TableSchema) -> None:
    wanted = [*([place.partition_by.column] if place.partition_by else []), *place.cluster_by]
    if missing := [name for name in wanted if name not in schema.names]:
        raise InvalidConfigError(
            f"partition_by and cluster_by name {', '.join(missing)}; the table's columns are "
            f"{', '.join(schema.names)}"
        )


def _field(column: Column, *, is_required: bool) -> Any:
    from google.cloud.bigquery import SchemaField

    identifiers.quote(column.name)
    name, _, digits = types.type_name(column.type).rstrip(")").partition("(")
    mode = "REQUIRED" if is_required else "NULLABLE"
    if not digits:
        return SchemaField(column.name, name, mode)
    precision, scale = map(int, digits.split(", "))
    return SchemaField(column.name, name, mode, precision=precision, scale=scale)
