"""Statements for BigQuery, as text."""

from shared.config.models import BigQueryTable
from shared.core.schemas import Column, DataType, Kind, TableSchema
from shared.targets.bigquery import sql


def test_definition_of_a_table_shows_its_layout():
    schema = TableSchema(
        (
            Column(name="id", type=DataType(Kind.INT64)),
            Column(name="order", type=DataType(Kind.TEXT)),
            Column(name="at", type=DataType(Kind.TIMESTAMPTZ), is_nullable=False),
        ),
        ("id",),
    )
    layout = {"partition_by": {"column": "at", "by": "month"}, "cluster_by": ["order"]}
    place = BigQueryTable.model_validate({"dataset": "sales", "table": "orders", **layout})

    statement = sql.create_table("`p`.`sales`.`orders`", schema, place)

    assert statement == (
        "CREATE TABLE IF NOT EXISTS `p`.`sales`.`orders` (\n"
        "  `id` INT64 NOT NULL,\n"
        "  `order` STRING,\n"
        "  `at` TIMESTAMP NOT NULL,\n"
        "  PRIMARY KEY (`id`) NOT ENFORCED\n"
        ")\n"
        "PARTITION BY TIMESTAMP_TRUNC(`at`, MONTH)\n"
        "CLUSTER BY `order`"
    )
