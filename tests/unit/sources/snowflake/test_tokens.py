"""Whether a table has changed: what counts as settled, and what tells two contents apart."""

from typing import Any

import pytest

from shared.sources.snowflake.tokens import SETTLED_NS, is_settled, token
from tests.builders import a_source_column

NOW = "2024-01-31 03:00:00.123456789"
NOW_NS = 1706670000123456789
FACTS = ('"D"."S"."T"', "2024-01-01", "2024-01-02")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (NOW_NS - SETTLED_NS, True),
        (NOW_NS - SETTLED_NS + 1, False),
        (NOW_NS, False),
        (NOW_NS + 1, False),
        (0, True),
    ],
)
def test_change_is_settled_some_time_after_its_mark(change: int, expected: bool) -> None:
    assert is_settled(change, NOW) is expected


def test_token_is_the_same_for_the_same_table() -> None:
    columns = (a_source_column("ID"), a_source_column("AT", "DATE"))

    assert token(17, FACTS, columns) == token(17, FACTS, tuple(columns))
    assert token(17, FACTS, columns).startswith("17-")


@pytest.mark.parametrize(
    "changes",
    [
        {"change": 18},
        {"facts": ('"D"."S"."U"', *FACTS[1:])},
        {"facts": (*FACTS[:2], "2024-01-03")},
        {"columns": (a_source_column("ID", precision=10),)},
        {"columns": (a_source_column("ID"), a_source_column("NEW"))},
        {"columns": ()},
    ],
)
def test_whatever_changes_the_token_changes(changes: dict[str, Any]) -> None:
    given = {"change": 17, "facts": FACTS, "columns": (a_source_column("ID"),)}

    assert token(**given | changes) != token(**given)
