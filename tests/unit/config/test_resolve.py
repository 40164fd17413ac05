"""From files to tables: the user's own example, the order of files, and overrides."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from shared.config import documents, resolve
from shared.config.tables import TableConfig
from shared.core.modes import SyncMode
from shared.errors import InvalidConfigError
from tests.unit.config.table_files import (
    ENVIRONMENT,
    FILES,
    REPOSITORY,
    SEED,
    TABLE,
    Load,
)

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


@pytest.mark.parametrize(("word", "value"), [("yes", True), ("on", True), ("Off", False)])
def test_words_that_yaml_takes_for_booleans_are_taken(load: Load, word: str, value: bool) -> None:
    found = load(FILES + f"    legal_hold: {word}\n", "connections: {postgres: {host: h}}\n")

    assert found[0].table.legal_hold is value


def test_two_tables_with_one_target_are_refused(tmp_path: Path) -> None:
    tables = "\n".join(
        f"- {{name: {name}, csv: {{}}, postgres: {{table: shared}}}}" for name in ("one", "two")
    )
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.yaml").write_text(
        "connections: {postgres: {host: h, user: u}}"
    )
    (tmp_path / "tables.yaml").write_text(f"tables:\n{tables}\n")

    with pytest.raises(InvalidConfigError) as caught:
        resolve.load(tmp_path, "local")

    place = tmp_path / "tables.yaml"
    assert caught.value.message.startswith(
        f"{place}:3: tables one (at {place}:2) and two both write public.shared in PostgreSQL"
    )


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
