"""From files to tables: the user's own example, overrides, and every wrong file with its place."""

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.config import documents, keys, resolve
from shared.config.models import ResolvedTable, TableConfig
from shared.core.modes import SyncMode
from shared.errors import InvalidConfigError
from tests.builders import table_data

REPOSITORY = Path(__file__).parents[3]
SEED = REPOSITORY / "tests" / "data" / "seed_tables.yaml"

ENVIRONMENT = """\
connections:
  snowflake: {account: acme, user: SLUICE}
  postgres: {host: 127.0.0.1}
"""
TABLE = """\
tables:
  - name: flights
    snowflake: {database: NYC, schema: PUBLIC, table: FLIGHTS}
    postgres: {table: flights}
"""
FILES = """\
tables:
  - name: feedback
    csv: {}
    postgres: {table: feedback}
"""
TABLE_KEYS = ", ".join(sorted(TableConfig.model_fields))

Load = Callable[..., list[ResolvedTable]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads the files given as ``{"tables.yaml": text, …}``."""

    def load_files(
        files: dict[str, str | bytes] | str, environment: str = ENVIRONMENT
    ) -> list[ResolvedTable]:
        given = {"tables.yaml": files} if isinstance(files, str) else files
        for name, content in (given | {"environments/test.yaml": environment}).items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return resolve.load(tmp_path, "test")

    return load_files


@pytest.fixture
def problems(load: Load, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that loads files and returns the problems, places without the folder."""

    def refuse(*args: Any, **kwargs: Any) -> list[str]:
        with pytest.raises(InvalidConfigError) as refused:
            load(*args, **kwargs)
        return str(refused.value).replace(f"{tmp_path}/", "").splitlines()

    return refuse


def begin_with(found: list[str], expected: list[str]) -> bool:
    """Compare whole lists of problems, each of them by how it begins."""
    return [f[: len(e)] for f, e in zip(found, expected, strict=True)] == expected


# The example --------------------------------------------------------------------------------------


def test_example_is_kept_byte_for_byte() -> None:
    digest = hashlib.sha256(SEED.read_bytes()).hexdigest()

    assert digest == "d911eecb0667f8283501d536f9a1e05e5904dfa3aad29269de9430c338f3eccd"


def test_example_is_valid_as_it_is(load: Load) -> None:
    financial, market = (r.table for r in load({"tables.yaml": SEED.read_bytes()}))

    assert financial == TableConfig.model_validate(
        {
            "name": "financial_data",
            "snowflake": {"database": "PROD_DB", "schema": "PUBLIC", "table": "FINANCIAL_DATA"},
            "postgres": {"schema": "public", "table": "financial_data"},
            "sync_mode": "full",
            "schedule": "daily",
            "encryption": True,
            "compression": "zstd",
        }
    )
    assert market.name == "market_data"
    assert market.sync_mode is SyncMode.INCREMENTAL
    assert market.incremental_column == "updated_at"
    assert (market.schedule, market.encryption, market.compression) == ("hourly", True, "none")


@pytest.mark.parametrize("environment", ["local", "dev", "staging", "prod"])
def test_repositorys_own_tables_are_valid_in_every_environment(environment: str) -> None:
    assert len(resolve.load(REPOSITORY / "config", environment)) > 0


# Files and environments ---------------------------------------------------------------------------


def test_tables_come_in_the_order_of_the_files(load: Load) -> None:
    one = TABLE.replace("tables:\n  - name: flights", "name: NAME").replace("\n    ", "\n")

    def file(name: str) -> str:
        return one.replace("NAME", name).replace("table: flights", f"table: {name}")

    files = {f"tables/{n}.yaml": file(n) for n in ("b", "a")}

    assert [r.table.name for r in load({"tables.yaml": TABLE} | files)] == ["flights", "a", "b"]


def test_file_of_one_table_may_also_be_a_list(load: Load) -> None:
    assert [r.table.name for r in load({"tables/x.yaml": TABLE})] == ["flights"]


def test_list_of_no_tables_is_valid(load: Load) -> None:
    assert load("tables: []") == []


def test_every_table_has_the_environment_and_its_connections(load: Load) -> None:
    (found,) = load(TABLE)

    assert found.environment == "test"
    assert found.connections.snowflake
    assert found.connections.postgres
    assert found.connections.snowflake.account == "acme"
    assert found.connections.postgres.host == "127.0.0.1"


def test_environment_overrides_a_table_key_by_key(load: Load) -> None:
    override = "tables:\n  flights: {schedule: hourly, snowflake: {database: TEST}}\n"

    (found,) = load(TABLE, ENVIRONMENT + override)

    assert found.table.schedule == "hourly"
    assert found.table.snowflake
    assert (found.table.snowflake.database, found.table.snowflake.table) == ("TEST", "FLIGHTS")


def test_environment_may_take_a_key_away(load: Load) -> None:
    override = "tables: {flights: {incremental_column: null}}\n"

    (found,) = load(TABLE + "    incremental_column: at\n", ENVIRONMENT + override)

    assert found.table.incremental_column is None


def test_one_more_environment_lies_on_top(tmp_path: Path, load: Load) -> None:
    load(TABLE, ENVIRONMENT + "tables: {flights: {lag: 5m, schedule: daily}}\n")
    extra = documents.parse(
        "{connections: {postgres: {port: 1234}}, tables: {flights: {lag: 7m}}}", "extra"
    )

    (found,) = resolve.load(tmp_path, "test", extra)

    assert found.connections.postgres
    assert (found.connections.postgres.host, found.connections.postgres.port) == ("127.0.0.1", 1234)
    assert (found.table.lag, found.table.schedule) == (timedelta(minutes=7), "daily")


def test_table_of_files_needs_no_connection_to_snowflake(load: Load) -> None:
    assert load(FILES, "connections: {postgres: {host: h}}\n")[0].table.name == "feedback"


def test_unknown_environment_is_refused_with_the_known_ones(load: Load, tmp_path: Path) -> None:
    load({"tables.yaml": TABLE, "environments/prod.yaml": ENVIRONMENT})

    with pytest.raises(InvalidConfigError, match=r"prd\.yaml: no such environment; known: prod, t"):
        resolve.load(tmp_path, "prd")


def test_folder_without_environments_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="no such environment; known: none"):
        resolve.load(tmp_path, "prod")


def test_folder_without_table_files_is_refused(problems: Callable[..., list[str]]) -> None:
    (problem,) = problems({})

    assert problem.endswith(": no tables.yaml and no tables/*.yaml")


# Wrong files --------------------------------------------------------------------------------------


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
                "tables.yaml:3: snowflake.tabel: unknown key; known: database, schema, table",
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
            ["tables.yaml:3: snowflake: must be a mapping of keys (database, schema, table), "],
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
        ("- name: flights\n", "tables.yaml:1: the top level must be a mapping of keys"),
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


# Wrong environments -------------------------------------------------------------------------------


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


# JSON Schema --------------------------------------------------------------------------------------


def violations(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> Iterator[str]:
    """Yield what a value breaks, for the keywords of JSON Schema that ours uses."""
    if "$ref" in schema:
        yield from violations(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    if "anyOf" in schema and all([*violations(s, value, root)] for s in schema["anyOf"]):
        yield f"{value!r} is none of {schema['anyOf']}"
    if "enum" in schema and not any(value is e or value == e for e in schema["enum"]):
        yield f"{value!r} is none of {schema['enum']}"
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    kinds |= {"integer": int, "number": (int, float)}
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        yield f"{value!r} is no {schema['type']}"
    elif isinstance(value, dict):
        yield from (f"{k} is missing" for k in schema.get("required", []) if k not in value)
        for key, inner in value.items():
            below = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from [f"{key} is unknown"] if below is False else violations(below, inner, root)
    elif isinstance(value, list):
        for item in value:
            yield from violations(schema.get("items", {}), item, root)
    elif isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{value!r} does not match {schema['pattern']}"


def check(data: Any) -> list[str]:
    schema = keys.json_schema()
    return list(violations(schema, data, schema))


@pytest.mark.parametrize("path", [SEED, REPOSITORY / "config" / "tables.yaml"], ids=str)
def test_json_schema_accepts_what_is_valid(path: Path) -> None:
    assert check(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"shedule": "daily"},
        {"sync_mode": "incremantal"},
        {"compression": "brotli"},
        {"lag": "5 minutes"},
        {"lag": 300},
        {"primary_key": "id"},
        {"name": None},
        {"snowflake": {"database": "D", "schema_": "S", "table": "T"}},
    ],
)
def test_json_schema_refuses_what_is_not(changes: dict[str, Any]) -> None:
    assert check({"tables": [table_data(**changes)]}) != []


def test_json_schema_knows_the_keys_by_the_names_of_the_files() -> None:
    schema = keys.json_schema()

    assert list(schema["properties"]) == ["tables"]
    assert ", ".join(sorted(schema["$defs"]["TableConfig"]["properties"])) == TABLE_KEYS
    assert list(schema["$defs"]["PostgresTable"]["properties"]) == ["schema", "table"]


def test_two_tables_with_one_target_are_refused(tmp_path: Path) -> None:
    tables = "\n".join(
        f"- {{name: {name}, csv: {{}}, postgres: {{table: shared}}}}" for name in ("one", "two")
    )
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text(
        "connections: {postgres: {host: h, user: u}}"
    )
    (tmp_path / "tables.yaml").write_text(f"tables:\n{tables}\n")

    with pytest.raises(InvalidConfigError, match=r"one and two both write public\.shared"):
        resolve.load(tmp_path, "local")


def test_file_with_the_wrong_ending_is_named(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text("")
    (tmp_path / "tables.yml").write_text("tables: []")

    with pytest.raises(InvalidConfigError, match=r"rename it to end in \.yaml"):
        resolve.load(tmp_path, "local")


def test_environment_says_which_keys_it_sets(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "test.yaml").write_text(
        "tables:\n  flights: {schedule: hourly, lag: 5m}\n"
    )

    assert resolve.overrides(tmp_path, "test") == {"flights": ["schedule: hourly", "lag: 5m"]}


def test_folder_that_is_not_there_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"no folder .*config here.*--config"):
        resolve.load(tmp_path / "config", "local")
