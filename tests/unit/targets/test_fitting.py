"""What is said about a table that cannot take a run, and what would mend it."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlglot

from shared.config.tables import TableConfig
from shared.core.schemas import Column, TableSchema
from shared.errors import SchemaConflictError
from shared.targets import fitting
from shared.targets.columns import ColumnDialect, Existing
from shared.targets.postgres.dialect import POSTGRES
from shared.targets.sqlserver.dialect import SQLSERVER
from tests.builders import a_column, file_table_data, table_data


def refusal(
    dialect: ColumnDialect,
    table: str,
    existing: dict[str, str],
    *columns: Column,
    data: Callable[[], dict[str, Any]] = table_data,
) -> str:
    """Return what is said about a table."""
    config = TableConfig.model_validate(data())
    found = {name: Existing(kind, is_required=name == "Price") for name, kind in existing.items()}
    compared = fitting.compare(dialect, config, table, found, TableSchema(columns))
    with pytest.raises(SchemaConflictError) as refused:
        fitting.require(dialect, config, compared)
    assert refused.value.facts == {"table": table}
    return refused.value.message


def test_each_reason_is_named_with_the_remedy() -> None:
    existing = {"id": "bigint", "Price": "numeric(10,2)", "at": "real"}
    columns = [a_column("id"), a_column("Price", "decimal(18,4)"), a_column("at", "timestamp")]

    said = refusal(POSTGRES, '"public"."t"', existing, *columns, a_column('odd "name"', "text"))

    assert said == (
        'table "public"."t" cannot hold the run\'s columns unaltered: odd "name" is missing; '
        "Price is numeric(10,2) (to let it round: `accept: {Price: [round]}` in the table file, "
        "and digits that the column has no room for are rounded away); at is real, which would "
        "alter values of timestamp; cast it in a view at the source, or make it timestamp without "
        "time zone. `drift: evolve` in the table file adds, widens and keeps by itself. Run "
        'ALTER TABLE "public"."t" ADD COLUMN IF NOT EXISTS "odd ""name""" text; '
        'ALTER TABLE "public"."t" ALTER COLUMN "Price" TYPE numeric(18,4)'
    )


def test_files_have_no_view_but_state_the_type_that_the_table_has() -> None:
    existing = {"amount": "numeric(12,2)"}

    said = refusal(POSTGRES, '"t"', existing, a_column("amount", "float64"), data=file_table_data)

    assert said.endswith(
        "alter values of float64; state amount: decimal(12,2) in csv.columns, which rejects what "
        "is none, or make it double precision"
    )


def test_statements_of_sql_server_keep_what_they_do_not_change() -> None:
    existing = {"Price": "decimal(10,2)", "a": "nvarchar(5) COLLATE X"}

    said = refusal(SQLSERVER, "[dbo].[t]", existing, a_column("Price", "decimal(18,4)"))

    assert said.endswith("Run ALTER TABLE [dbo].[t] ALTER COLUMN [Price] decimal(18,4) NOT NULL")


def test_advised_statement_is_one_statement_even_for_hostile_names() -> None:
    said = refusal(POSTGRES, '"public"."t"', {}, a_column('x" text; DROP TABLE users; --', "text"))

    assert len(sqlglot.parse(said.partition(". Run ")[2], dialect="postgres")) == 1
