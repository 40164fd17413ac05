"""Sources whose columns change, and values that only arrive by consent, through the whole cloud."""

from shared.core.runs import Run, RunState
from tests.flow.cloud import Cloud


def make(cloud: Cloud, name: str, **config: object) -> str:
    """Make a table of two columns at the source and load it."""
    cloud.source(f"CREATE TABLE {{db}}.{name.upper()} (ID NUMBER(18,0), N NUMBER(10,2))")
    cloud.source(f"INSERT INTO {{db}}.{name.upper()} VALUES (1, 1.5)")
    cloud.configure(name, primary_key=["id"], **config)
    assert cloud.run(name).state is RunState.COMMITTED
    return name


def add_column(cloud: Cloud, name: str) -> None:
    """Give the source a column and a row that has it."""
    cloud.source(f"ALTER TABLE {{db}}.{name.upper()} ADD COLUMN MORE VARCHAR")
    cloud.source(f"INSERT INTO {{db}}.{name.upper()} VALUES (2, 2.5, 'Zo\u00eb')")


def notes(run: Run) -> tuple[str, ...]:
    """Return the notes of a committed run's receipt."""
    assert run.receipt is not None, run
    assert run.receipt.adds_up
    return run.receipt.notes


def test_evolving_table_gets_the_column_and_its_history_is_shown(cloud: Cloud) -> None:
    name = make(cloud, "drift_evolves", drift="evolve")
    add_column(cloud, name)

    run = cloud.run(name)

    assert "the table got more text" in notes(run)
    assert cloud.target(f"SELECT id, more FROM {name} ORDER BY id") == [(1, None), (2, "Zo\u00eb")]
    said = cloud.sluice("schema", name).stdout
    assert "more is new (text)" in said
    assert run.run_id in said
    cloud.target(f"DROP TABLE {name}")
    assert cloud.sluice("schema", name).stdout == said


def test_frozen_table_is_refused_before_anything_is_read(cloud: Cloud) -> None:
    name = make(cloud, "drift_frozen")
    add_column(cloud, name)

    run = cloud.run(name)

    assert run.state is RunState.FAILED
    assert run.manifest is None
    assert run.failure is not None
    assert run.failure.error == "SchemaConflictError"
    assert "more is missing" in run.failure.message
    cloud.target(run.failure.message.partition(". Run ")[2])
    assert cloud.run(name).state is RunState.COMMITTED


def test_rescuing_table_keeps_what_has_no_place(cloud: Cloud) -> None:
    name = make(cloud, "drift_rescues", drift="rescue")
    add_column(cloud, name)

    notes(cloud.run(name))

    found = cloud.target(f"SELECT id, _rescued FROM {name} ORDER BY id")
    assert found == [(1, None), (2, {"more": "Zo\u00eb"})]


def test_nanoseconds_are_refused_until_the_table_accepts_that_they_are_cut(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.DRIFT_FINE (ID NUMBER(18,0), AT TIMESTAMP_NTZ(9))")
    cloud.source("INSERT INTO {db}.DRIFT_FINE SELECT 1, '2024-02-29 12:00:00.123456789'")
    cloud.configure("drift_fine")

    refused = cloud.run("drift_fine")
    cloud.configure("drift_fine", accept={"at": ["nanoseconds"], "ta": ["nul"]})
    mistaken = cloud.run("drift_fine")
    cloud.configure("drift_fine", accept={"at": ["nanoseconds"]})
    run = cloud.run("drift_fine")

    assert mistaken.failure is not None
    assert "names ta, but the columns of the source are id, at" in mistaken.failure.message
    assert refused.failure is not None
    assert "`accept: {at: [nanoseconds]}` in the table file" in refused.failure.message
    assert "1 values of at lost their digits after the microsecond, as accepted" in notes(run)
    assert cloud.target("SELECT at::text FROM drift_fine") == [("2024-02-29 12:00:00.123456",)]


def test_file_is_typed_by_columns_whose_types_only_spell_out_their_defaults(cloud: Cloud) -> None:
    cloud.target(
        "CREATE TABLE drift_spelled (at timestamp(6), n numeric, t time(6), s varchar, j json)"
    )
    cloud.configure("drift_spelled", csv={}, sync_mode="append")

    run = cloud.drop(
        "drift_spelled/a.csv",
        b"at,n,t,s,j\n2024-02-29 01:02:03.456789,1.50,01:02:03,x,[1]\n,12345678901234567890,,,\n",
    )

    assert run.state is RunState.COMMITTED, run
    found = cloud.target("SELECT at::text, n::text, t::text, s, j::text FROM drift_spelled")
    assert sorted(found, key=str) == [
        ("2024-02-29 01:02:03.456789", "1.5", "01:02:03", "x", "[1]"),
        (None, "12345678901234567890", None, None, None),
    ]
