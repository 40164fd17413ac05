"""Tables as people write them, and why one is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.config.tables import TableConfig
from tests.builders import file_table_data, table_data

INCREMENTAL = {"sync_mode": "incremental", "incremental_column": "updated_at"}
APPEND = {"sync_mode": "append", "incremental_column": "created_at"}


def a_table(**changes: Any) -> TableConfig:
    return TableConfig.model_validate(table_data(**changes))


def a_file_table(**changes: Any) -> TableConfig:
    return TableConfig.model_validate(file_table_data(**changes))


def why(model: Any, data: dict[str, Any]) -> str:
    """Return the only problem of the data, with its place."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate(data)
    (error,) = refused.value.errors()
    place = ".".join(str(p) for p in error["loc"])
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"


def bigquery_data(**place: Any) -> dict[str, Any]:
    """Return a table that goes to BigQuery."""
    place = {"dataset": "sales", "table": "flights", **place}
    return table_data(postgres=None, bigquery=place)
