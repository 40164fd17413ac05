"""Every wrong file of an environment is refused with its place, an override at its own line."""

from collections.abc import Callable

import pytest

from tests.unit.config.table_files import ENVIRONMENT, TABLE, begin_with


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        (
            "tables: {flihgts: {lag: 5m}}",
            [
                (
                    "environments/test.yaml:4: no table is named 'flihgts', which this environment "
                    "changes; known: flights; did you mean flights?"
                )
            ],
        ),
        (
            "tables:\n  flights:\n    lag: soon",
            [
                "environments/test.yaml:6: lag: 'soon' is not a duration; write 90s, 15m, 2h or 1d",
            ],
        ),
        (
            "tables:\n  flights: {snowflake: {tabel: X}}",
            ["environments/test.yaml:5: snowflake.tabel: unknown key; known: database, schema, "],
        ),
        (
            "tables: {flights: null}",
            ["environments/test.yaml:4: tables.flights: must be a mapping of keys, got None"],
        ),
        (
            "tables: [flights]",
            ["environments/test.yaml:4: tables: must be a mapping of keys, got ['flights']"],
        ),
        (
            "table: {}",
            ["environments/test.yaml:4: table: unknown key; known: connections, tables"],
        ),
    ],
)
def test_wrong_override_is_refused_at_its_own_line(
    problems: Callable[..., list[str]], addition: str, expected: list[str]
) -> None:
    assert begin_with(problems(TABLE, f"{ENVIRONMENT}{addition}\n"), expected)


def test_override_that_gives_a_table_the_name_of_another_is_refused(
    problems: Callable[..., list[str]],
) -> None:
    other = TABLE.partition("\n")[2].replace("name: flights", "name: weather")

    assert problems(TABLE + other, ENVIRONMENT + "tables: {weather: {name: flights}}\n") == [
        "environments/test.yaml:4: table 'flights' appears twice (first at tables.yaml:2)"
    ]


def test_override_of_a_table_whose_name_is_no_text_is_left_alone(
    problems: Callable[..., list[str]],
) -> None:
    wrong = TABLE.replace("name: flights", "name: [flights]")

    assert problems(wrong, ENVIRONMENT + "tables: {flights: {lag: 5m}}\n") == [
        "tables.yaml:2: name: must be text, got ['flights']",
        (
            "environments/test.yaml:4: no table is named 'flights', which this environment "
            "changes; known: none"
        ),
    ]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (
            "",
            [
                "environments/test.yaml:1: table flights needs connections.snowflake",
                "environments/test.yaml:1: table flights needs connections.postgres",
            ],
        ),
        (
            "\nconnections: {postgres: {host: h}}\n",
            ["environments/test.yaml:2: table flights needs connections.snowflake"],
        ),
        (
            "connections:\n  odbc: {host: h}\n",
            ["environments/test.yaml:2: connections.odbc: unknown key; known: bigquery, postgres,"],
        ),
        (
            "connections:\n  postgres:\n    hsot: h\n",
            ["environments/test.yaml:3: connections.postgres.hsot: unknown key; known: "],
        ),
        (
            "connections:\n  postgres: {host: h, instance: p:r:i}\n",
            ["environments/test.yaml:2: connections.postgres: give either instance (Cloud SQL) "],
        ),
        (
            "connections:\n  snowflake: {account: a}\n",
            ["environments/test.yaml:2: connections.snowflake.user: is missing"],
        ),
        (
            "connections: none\n",
            ["environments/test.yaml:1: connections: must be a mapping of keys (bigquery, "],
        ),
    ],
)
def test_wrong_connections_are_refused_with_their_place(
    problems: Callable[..., list[str]], environment: str, expected: list[str]
) -> None:
    assert begin_with(problems(TABLE, environment), expected)


def test_unload_without_a_storage_integration_is_refused(
    problems: Callable[..., list[str]],
) -> None:
    table = TABLE.replace("table: FLIGHTS", "table: FLIGHTS, strategy: unload")
    environment = """\
connections:
  postgres: {host: h}
  snowflake: {account: a, user: u}
"""

    found = problems(table, environment)

    assert begin_with(
        found,
        ["environments/test.yaml:3: table flights has strategy unload, which needs connections."],
    )
