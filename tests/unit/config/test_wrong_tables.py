"""Every wrong table file is refused with its place and what to write instead."""

import re
from collections.abc import Callable

import pytest

from tests.unit.config.table_files import (
    ENVIRONMENT,
    FILES,
    TABLE,
    TABLE_KEYS,
    begin_with,
)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "shedule: daily",
            f"shedule: unknown key; known: {TABLE_KEYS}; did you mean schedule?",
        ),
        ("guard: {rows: 1}", "guard.rows: unknown key; known: max_shrink_percent, min_rows"),
        (
            "sync_mode: incremantal",
            "sync_mode: 'incremantal' is not known; known: 'full', 'incremental' or 'append'",
        ),
        (
            "sync_mode: [full]",
            "sync_mode: ['full'] is not known; known: 'full', 'incremental' or 'append'",
        ),
        (
            "compression: brotli",
            "compression: 'brotli' is not known; known: 'zstd', 'lz4', 'gzip', 'snappy' or 'none'",
        ),
        (
            "null_cursor: ignore",
            "null_cursor: 'ignore' is not known; known: 'fail', 'skip' or 'include'",
        ),
        ("lag: 5 minutes", "lag: '5 minutes' is not a duration; write 90s, 15m, 2h or 1d"),
        ("lag: 300", "lag: 300 is not a duration; write 90s, 15m, 2h or 1d"),
        ("lag: -5m", "lag: '-5m' is not a duration; write 90s, 15m, 2h or 1d"),
        (
            "schedule: '99 * * * *'",
            "schedule: '99 * * * *' is not a schedule (Bad minute); use hourly, daily, manual or ",
        ),
        ("schedule: null", "schedule: must be text, got None; put it in quotes"),
        ("schedule: 12", "schedule: must be text, got 12; put it in quotes"),
        ("schedule: [daily]", "schedule: must be text, got ['daily']"),
        (
            "time_zone: Europe/Munich",
            "time_zone: 'Europe/Munich' is not a time zone; write one like Europe/Berlin",
        ),
        ("primary_key: id", "primary_key: must be a list, got 'id'; write [id]"),
        ("primary_key: [id, 1]", "primary_key.1: must be text, got 1; put it in quotes"),
        ("primary_key: [id, id]", "primary_key: names a column twice"),
        (
            'encryption: "yes"',
            "encryption: must be true or false, got 'yes'",
        ),
        ("legal_hold: 1", "legal_hold: must be true or false, got 1"),
        (
            "columns: {a: {sensitive: 'true'}}",
            "columns.a.sensitive: must be true or false, got 'true'",
        ),
        (
            "encryption: sometimes",
            "encryption: must be true or false, got 'sometimes'",
        ),
        (
            "part_bytes: 64M",
            "part_bytes: must be a whole number, got '64M'",
        ),
        ("part_bytes: 1", "part_bytes: must be greater than or equal to 65536, got 1"),
        (
            "guard: 5",
            "guard: must be a mapping of keys (max_shrink_percent, min_rows), got 5",
        ),
    ],
)
def test_wrong_line_is_refused_with_its_place_and_the_choices(
    problems: Callable[..., list[str]], line: str, problem: str
) -> None:
    assert begin_with(problems(f"{TABLE}    {line}\n"), [f"tables.yaml:5: {problem}"])


@pytest.mark.parametrize(
    ("csv", "problem"),
    [
        ("{sep: ;}", "csv.sep: unknown key; known: columns, comment, decimal, delimiter, "),
        ("{columns: {a: strnig}}", "csv.columns.a: unknown type 'strnig'; known: bool, int64, "),
        (
            "{columns: {a: 'decimal(50,2)'}}",
            "csv.columns.a: decimal(50,2): write decimal(PRECISION,",
        ),
        ("{columns: [a]}", "csv.columns: must be a mapping of keys, got ['a']"),
        ("{null: [NULL]}", "csv.null.0: must be text, got None; put it in quotes"),
        ("{on_duplicate: ignore}", "csv.on_duplicate: 'ignore' is not known; known: 'skip', "),
        ("{encoding: utf9}", "csv.encoding: 'utf9' is no encoding; write one like utf-8 or cp1252"),
        ("{delimiter: ''}", "csv.delimiter: String should have at least 1 character"),
        ("{formats: {day: DD.MM.YYYY}}", "csv.formats.day: 'DD.MM.YYYY' names no part of a date"),
        ("{header_rows: 9}", "csv.header_rows: must be less than or equal to 8, got 9"),
        (
            "{decimal: '.', thousands: '.'}",
            "csv: decimal and thousands are both '.'; they must dif",
        ),
        ("{delimiter: ';', quote: ';'}", "csv: delimiter and quote are both ';'; they must differ"),
        ("{raw: 'no'}", "csv.raw: must be true or false, got 'no'"),
        ("a.csv", "csv: must be a mapping of keys (columns, comment, decimal, delimiter, "),
    ],
)
def test_wrong_rule_for_files_is_refused_with_its_place_and_the_choices(
    problems: Callable[..., list[str]], csv: str, problem: str
) -> None:
    assert begin_with(problems(FILES.replace("{}", csv)), [f"tables.yaml:3: {problem}"])


def test_type_that_yaml_parts_at_its_comma_is_to_be_put_in_quotes(
    problems: Callable[..., list[str]],
) -> None:
    found = problems(FILES.replace("{}", "{columns: {a: decimal(5,2)}}"))

    assert found[0].startswith("tables.yaml:3: csv.columns.a: unknown type 'decimal(5'")
    assert found[0].endswith("put it in quotes: 'decimal(5,2)'")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "table: FLIGHTS}",
            "tabel: FLIGHTS}",
            [
                "tables.yaml:3: snowflake.table: is missing",
                "tables.yaml:3: snowflake.tabel: unknown key; known: database, schema, strategy",
            ],
        ),
        (
            "database: NYC",
            "database: NO",
            ["tables.yaml:3: snowflake.database: must be text, got False; put it in quotes"],
        ),
        (
            "{database: NYC, schema: PUBLIC, table: FLIGHTS}",
            "NYC.PUBLIC.FLIGHTS",
            ["tables.yaml:3: snowflake: must be a mapping of keys (database, schema, strategy, "],
        ),
        ("- name: flights\n   ", "-", ["tables.yaml:2: name: is missing"]),
        (
            "name: flights",
            "name: [flights]",
            ["tables.yaml:2: name: must be text, got ['flights']"],
        ),
        (
            "name: flights",
            "name: 7",
            ["tables.yaml:2: name: must be text, got 7; put it in quotes"],
        ),
        (
            "name: flights",
            "name: Flights",
            ["tables.yaml:2: name: 'Flights' is not a table name: lower-case letters, digits "],
        ),
        (
            "snowflake: {database",
            "csv: {}\n    snowflake: {database",
            [
                "tables.yaml:2: give exactly one source: snowflake, or csv ({} for its defaults)",
            ],
        ),
        (
            "    snowflake: {database: NYC, schema: PUBLIC, table: FLIGHTS}\n",
            "",
            ["tables.yaml:2: give exactly one source: snowflake, or csv ({} for its defaults)"],
        ),
        (
            "    postgres: {table: flights}\n",
            "",
            ["tables.yaml:2: give exactly one target: postgres, sqlserver or bigquery"],
        ),
        (
            "postgres: {table: flights}",
            "postgres: {table: " + "x" * 64 + "}",
            ["tables.yaml:4: postgres.table: '" + "x" * 64 + "' must have 1 to 63 bytes"],
        ),
        (
            "tables:",
            "version: 2\ntables:",
            ["tables.yaml:1: unknown key 'version'; known: tables"],
        ),
        (
            "tables:",
            "tabels:",
            ["tables.yaml:1: the file has neither tables (a list) nor name (one table); its "],
        ),
    ],
)
def test_wrong_table_is_refused_with_its_place_and_the_choices(
    problems: Callable[..., list[str]], before: str, after: str, expected: list[str]
) -> None:
    assert TABLE.count(before) == 1
    assert begin_with(problems(TABLE.replace(before, after)), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            "tables.yaml:1: the file has neither tables (a list) nor name (one table); it is empty",
        ),
        ("# nothing yet\n", "tables.yaml:1: the file has neither tables (a list) nor name (one t"),
        ("tables:\n", "tables.yaml:1: tables must be a list of tables"),
        ("tables: {flights: {}}\n", "tables.yaml:1: tables must be a list of tables"),
        ("\ntables:\n  - flights\n", "tables.yaml:3: tables.0: must be a mapping of keys, got 'fl"),
        ("- flights\n", "tables.yaml:1: the top level must be a mapping of keys"),
        ("tables:\n\t- name: t\n", "tables.yaml:2: not YAML: while scanning for the next token, f"),
        (TABLE + "    name: again\n", "tables.yaml:5: key 'name' appears twice (first at tables."),
        (TABLE.encode() + b"    schedule: caf\xe9\n", "tables.yaml:5: byte 0xe9 is not UTF-8; sav"),
        (
            TABLE + "    <<: {lag: 5m}\n",
            "tables.yaml:5: <<: unknown key; known: accept, bigquery,",
        ),
        (TABLE + "    x: !secret y\n", "tables.yaml:5: could not determine a constructor for the "),
    ],
)
def test_wrong_file_is_refused_with_its_line(
    problems: Callable[..., list[str]], text: str | bytes, expected: str
) -> None:
    assert begin_with(problems({"tables.yaml": text}), [expected])


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("- name: flights\n  csv: {}\n", "drop its '- ' and indent its keys alike"),
        ("- {name: a}\n- {name: b}\n", "write its key above it, such as tables:"),
        (
            f"{TABLE}- name: weather\n  csv: {{}}\n",
            "belongs below its key, such as tables:, indented like the items there",
        ),
    ],
)
def test_item_of_a_list_in_the_wrong_place_is_told_where_it_belongs(
    problems: Callable[..., list[str]], text: str, hint: str
) -> None:
    (found,) = problems(text)

    assert found.endswith(hint)


def test_table_that_appears_twice_is_refused_with_both_places(
    problems: Callable[..., list[str]],
) -> None:
    assert problems({"tables.yaml": TABLE, "tables/again.yaml": TABLE}) == [
        "tables/again.yaml:2: table 'flights' appears twice (first at tables.yaml:2)"
    ]


def test_all_problems_of_all_files_are_named_at_once(problems: Callable[..., list[str]]) -> None:
    files = {
        "tables.yaml": TABLE + "    lag: x\n    sync_mode: y\n",
        "tables/more.yaml": FILES + "    schedule: daily\n",
    }

    found = problems(files, ENVIRONMENT.replace("user", "usr"))

    assert [re.sub(r":(?! ).*|: .*", "", p) for p in found] == [
        "environments/test.yaml",
        "environments/test.yaml",
        "tables.yaml",
        "tables.yaml",
        "tables/more.yaml",
    ]
