"""No two tables share a place, as their target compares places."""

from typing import Any

import pytest

from shared.config import together
from shared.config.tables import ResolvedTable
from shared.errors import InvalidConfigError
from tests.builders import table_data

CONNECTIONS = {"bigquery": {"project": "acme-data", "location": "EU"}}


def a_table(name: str, **place: Any) -> ResolvedTable:
    """Return a table of another target than the one that the builder names."""
    data = table_data(name=name) | {"postgres": None} | place
    given = {"environment": "test", "table": data, "connections": CONNECTIONS}
    return ResolvedTable.model_validate(given)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("postgres", {"table": "orders"}, {"schema": "public", "table": "orders"}),
        ("sqlserver", {"table": "orders"}, {"schema": "DBO", "table": "Orders"}),
        ("sqlserver", {"table": "orders"}, {"table": "orders "}),
        ("bigquery", {"dataset": "d", "table": "t"}, {"dataset": "d", "table": "T"}),
        (
            "bigquery",
            {"dataset": "d", "table": "t"},
            {"project": "acme-data", "dataset": "d", "table": "t"},
        ),
    ],
)
def test_two_tables_of_what_may_be_one_place_are_refused(
    kind: str, one: dict[str, str], other: dict[str, str]
) -> None:
    tables = [a_table("one", **{kind: one}), a_table("other", **{kind: other})]

    with pytest.raises(InvalidConfigError, match="tables one and other both write"):
        together.require_targets_of_their_own(tables)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("postgres", {"table": "orders"}, {"table": "Orders"}),
        ("postgres", {"table": "orders"}, {"table": "orders "}),
        (
            "bigquery",
            {"dataset": "d", "table": "t"},
            {"project": "acme-other", "dataset": "d", "table": "t"},
        ),
    ],
)
def test_places_that_the_target_tells_apart_are_two(
    kind: str, one: dict[str, str], other: dict[str, str]
) -> None:
    tables = [a_table("one", **{kind: one}), a_table("other", **{kind: other})]

    together.require_targets_of_their_own(tables)
