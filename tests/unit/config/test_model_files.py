"""Model files: the header is checked, the SELECT is parsed, models come after what they read."""

from pathlib import Path

import pytest

from shared.config import model_files
from shared.config.connections import Connections
from shared.config.curated import ModelList, ResolvedModel
from shared.config.tables import ResolvedTable, TableConfig
from shared.errors import InvalidConfigError
from shared.wire import from_json, to_json
from tests.builders import table_data

PLACE = "postgres: {table: %s}"
CONNECTIONS = {
    "snowflake": {"account": "a", "user": "u"},
    "postgres": {"host": "db", "user": "sluice"},
}


def a_table(name: str) -> ResolvedTable:
    return ResolvedTable(
        environment="test",
        table=TableConfig.model_validate(table_data(name=name, postgres={"table": name})),
        connections=Connections.model_validate(CONNECTIONS),
    )


TABLES = [a_table("flights"), a_table("weather")]


def write(folder: Path, name: str, sql: str, header: str = "") -> None:
    """Write a model's file; the header says at least where its rows go."""
    (folder / "models").mkdir(exist_ok=True)
    text = f"/*\n{PLACE % name}\n{header}\n*/\n{sql}\n"
    (folder / "models" / f"{name}.sql").write_text(text)


def load(folder: Path) -> dict[str, ResolvedModel]:
    return {each.model.name: each for each in model_files.load(folder, TABLES)}


def why(folder: Path) -> str:
    with pytest.raises(InvalidConfigError) as caught:
        model_files.load(folder, TABLES)
    return caught.value.message


def test_without_models_nothing_is_loaded(tmp_path: Path) -> None:
    assert load(tmp_path) == {}


def test_inputs_are_the_loaded_tables_that_the_select_names(tmp_path: Path) -> None:
    write(
        tmp_path,
        "daily",
        """-- weather only in a comment
WITH weather_of AS (SELECT * FROM public.WEATHER)
SELECT f.day, count(*) AS n, 'weather' AS word FROM flights f
JOIN weather_of w USING (day), generate_series(1, 2) g
GROUP BY 1;""",
    )

    found = load(tmp_path)["daily"]

    assert found.inputs == ("flights", "weather")
    assert found.follows == ("flights", "weather")
    assert found.sql.endswith("GROUP BY 1")


def test_models_come_behind_their_inputs_and_follow_only_the_last_of_them(tmp_path: Path) -> None:
    write(tmp_path, "a_last", "SELECT * FROM m_middle JOIN flights USING (id)")
    write(tmp_path, "m_middle", "SELECT id FROM flights JOIN weather USING (id)")

    found = load(tmp_path)

    assert list(found) == ["m_middle", "a_last"]
    assert found["a_last"].inputs == ("flights", "m_middle")
    assert found["a_last"].follows == ("m_middle",)


def test_tables_that_nobody_loads_are_named_on_purpose(tmp_path: Path) -> None:
    write(tmp_path, "m", "SELECT * FROM flights JOIN dim.calendar USING (day)")
    assert "nobody here loads dim.calendar; if it is meant, add it to others" in why(tmp_path)

    write(
        tmp_path,
        "m",
        "SELECT * FROM flights JOIN dim.calendar USING (day)",
        "others: [dim.calendar]",
    )
    assert load(tmp_path)["m"].inputs == ("flights",)


@pytest.mark.parametrize(
    ("sql", "header", "message"),
    [
        ("SELECT * FROM flihgts", "", "did you mean public.flights?"),
        ("SELECT 1", "", "it reads no table that is loaded"),
        ("DELETE FROM flights", "", "must be one SELECT"),
        ("SELECT * FROM flights; SELECT * FROM weather", "", "must be one SELECT"),
        ("WITH x AS (DELETE FROM flights RETURNING *) SELECT * FROM x", "", "must be one SELECT"),
        ("SELECT * INTO other FROM flights", "", "must be one SELECT"),
        ("SELECT * FROM flights FOR UPDATE", "", "must be one SELECT"),
        ("SELECT * FROM (", "", "not SQL"),
        ("SELECT * FROM flights", "tests: [{accepted: 'a >'}]", "not SQL"),
        ("SELECT * FROM flights", "tests: [{unique: [a], not_null: [a]}]", "exactly one of"),
        ("SELECT * FROM flights", "tests: [{unique: [a], severity: quarantine}]", "fail or warn"),
        ("SELECT * FROM flights", "materialized: full", "did you mean materialised?"),
        ("SELECT * FROM flights", "materialised: incremental", "needs unique_key and cursor"),
        ("SELECT * FROM flights", "cursor: day", "cursor is for materialised incremental"),
        ("SELECT * FROM flights", "name: weather", "weather is the name of a table"),
        ("SELECT * FROM flights", "name: No Name", "is not a model's name"),
        ("SELECT * FROM flights", "bigquery: {table: m}", "not BigQuery"),
    ],
)
def test_mistakes_are_named_with_the_file(
    tmp_path: Path, sql: str, header: str, message: str
) -> None:
    write(tmp_path, "m", sql, header)

    found = why(tmp_path)

    assert message in found
    assert "m.sql" in found


def test_file_without_a_header_says_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.sql").write_text("SELECT * FROM flights")

    assert "m.sql:1: the file must begin with /*" in why(tmp_path)


def test_two_writers_of_one_table_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "m", "SELECT * FROM flights")
    write(tmp_path, "n", "SELECT * FROM flights")
    file = tmp_path / "models" / "n.sql"
    file.write_text(file.read_text().replace("table: n", "table: m"))

    assert "m writes public.m already" in why(tmp_path)


def test_models_that_read_one_another_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "m", "SELECT * FROM n JOIN flights USING (id)")
    write(tmp_path, "n", "SELECT * FROM m")

    assert "in a circle" in why(tmp_path)


def test_models_come_back_from_the_config_bucket_as_they_were(tmp_path: Path) -> None:
    write(tmp_path, "m", "SELECT * FROM flights", "tests: [{not_null: [id]}]")
    models = ModelList(models=tuple(model_files.load(tmp_path, TABLES)))

    assert from_json(ModelList, to_json(models), "models.json") == models


def test_definition_is_another_one_when_rows_may_be_others(tmp_path: Path) -> None:
    write(tmp_path, "m", "SELECT * FROM flights")
    first = load(tmp_path)["m"].definition
    write(tmp_path, "m", "SELECT * FROM flights", "tests: [{not_null: [id]}]")
    assert load(tmp_path)["m"].definition == first
    write(tmp_path, "m", "SELECT id FROM flights")
    assert load(tmp_path)["m"].definition != first
