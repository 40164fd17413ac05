"""What targets keep of values: the type table, checked on real servers."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import typetable
from shared.core.fidelity import Consent, Fidelity
from shared.core.schemas import DataType, Kind
from shared.errors import SchemaConflictError, ValueNotRepresentableError
from tests.builders import a_schema
from tests.contract.engines import Engine
from tests.contract.targets import Table, changed


@pytest.mark.parametrize("kind", ["decimal(38,37)", "decimal(38,0)", "decimal(1,0)"])
def test_all_digits_of_a_decimal_come_back(engine: Engine, kind: str) -> None:
    wanted = DataType.parse(kind)
    digits, scale = wanted.precision or 0, wanted.scale or 0
    values = [Decimal((sign, (9,) * digits, -scale)) for sign in (0, 1)]
    table = Table(engine, schema=a_schema(id="int64", x=kind))

    table.load([(1, values[0]), (2, values[1])])

    assert [row[1] for row in table.rows()] == values


def test_offset_of_a_moment_does_not_move_it(engine: Engine) -> None:
    zones = [dt.timezone(dt.timedelta(hours=h, minutes=m)) for h, m in ((14, 0), (-12, 0), (5, 30))]
    moments = [dt.datetime(2024, 2, 29, 12, tzinfo=zone) for zone in zones]
    table = Table(engine, schema=a_schema(id="int64", x="timestamptz"))

    table.load(list(enumerate(moments)))

    assert [row[1] for row in table.rows()] == moments


def test_negative_zero_equals_zero_and_keeps_its_sign_where_there_is_one(engine: Engine) -> None:
    table = Table(engine, schema=a_schema(id="int64", x="float64"))

    table.load([(1, -0.0)])

    ((_, found),) = table.rows()
    assert found == 0
    assert not engine.keeps_sign_of_zero or math.copysign(1, found) == -1


def test_long_text_comes_back(engine: Engine) -> None:
    text = "0123456789abcde\n" * (engine.long_text_mib * 2**16)
    table = Table(engine, schema=a_schema((), id="int64", x="text"))

    table.load([(1, text)])

    assert table.rows() == [(1, text)]


def test_nested_json_is_the_same_value(engine: Engine) -> None:
    text = '{"a": [1, {"b": [null, true, "\\u00e9 🦊", 1.50, 12345678901234567890.1]}], "": {}}'
    table = Table(engine, schema=a_schema(id="int64", x="json"))

    table.load([(1, text)])

    query = f"SELECT CAST(x AS {engine.text}) FROM {{t}}"
    ((found,),) = table.query(query)
    assert exact_json(found) == exact_json(text)
    assert changed(table.load([(1, text)])) == (0, 0, 0)


def exact_json(text: str) -> Any:
    """Read JSON with its numbers as they are."""
    import json

    return json.loads(text, parse_float=Decimal)


SINGLE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufdd0"), max_size=20
)
ANY_ROW = st.tuples(
    st.none() | SINGLE,
    st.none() | st.decimals(Decimal(-(10**28)), Decimal(10**28), places=9),
    st.none() | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.none() | st.binary(max_size=20),
    st.none() | st.datetimes(),
    st.none() | st.dates(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(ANY_ROW, min_size=20, max_size=40))
def test_any_values_come_back(engine: Engine, values: list[tuple[Any, ...]]) -> None:
    kinds = ["text", "decimal(38,9)", "float64", "binary", "timestamp", "date", "int64"]
    columns = {f"c{n}": kind for n, kind in enumerate(kinds)}
    table = Table(engine, schema=a_schema(("id",), id="int64", **columns))
    rows = [(n, *row) for n, row in enumerate(values)]

    table.load(rows)

    assert table.rows() == rows


# Consent ------------------------------------------------------------------------------------------

ALTERED = [
    (Consent.NUL, "text", "a\x00b\x00", "ab"),
    (Consent.NUL, "json", '{"a": "\\u0000\\\\u0000"}', '{"a": "\\\\u0000"}'),
    (Consent.NOT_FINITE, "float64", math.nan, None),
    (Consent.NOT_FINITE, "float64", math.inf, None),
    (Consent.NOT_FINITE, "float64", -math.inf, None),
    (Consent.TINY, "float64", 5e-324, 0.0),
]


@pytest.mark.parametrize(("consent", "kind", "value", "altered"), ALTERED)
def test_value_is_kept_or_refused_by_place_or_altered_by_consent(
    engine: Engine, consent: Consent, kind: str, value: Any, altered: Any
) -> None:
    schema = a_schema(id="int64", x=kind)
    needed = consent in typetable.types_of(engine.kind).CELLS[Kind(kind)].consents
    read = f"SELECT CAST(x AS {engine.text}) FROM {{t}} WHERE id = 2" if kind == "json" else ""
    read = read or "SELECT x FROM {t} WHERE id = 2"
    fine = {"text": "b", "json": "{}"}.get(kind, 1.5)

    strict = Table(engine, schema=schema)
    if needed:
        with pytest.raises(ValueNotRepresentableError, match=r"column x, row 2 of \S+") as error:
            strict.load([(1, fine), (2, value)])
        assert f"`accept: {{x: [{consent}]}}` in the table file" in error.value.message
        assert consent.effect in error.value.message
    else:
        strict.load([(1, fine), (2, value)])
        assert repr(strict.query(read)) == repr([(value,)])

    lenient = Table(engine, schema=schema, config={"accept": {"x": [consent]}})
    lenient.load([(1, fine), (2, value)])
    assert repr(lenient.query(read)) == repr([(altered if needed else value,)])


def test_digits_that_a_column_has_no_room_for_are_rounded_by_consent_alone(engine: Engine) -> None:
    schema = a_schema(id="int64", x="decimal(18,4)")
    table = Table(engine, schema=schema)
    table.query(engine.made("{t}", id=engine.whole, x=engine.decimal))

    with pytest.raises(SchemaConflictError, match=r"`accept: \{x: \[round\]\}`"):
        table.load([(1, Decimal("1.2345"))])
    table.config = {"accept": {"x": ["round"]}}

    assert changed(table.load([(1, Decimal("1.2345"))])) == (1, 0, 0)
    assert table.rows() == [(1, Decimal("1.23"))]
    assert changed(table.load([(1, Decimal("1.2345"))])) == (0, 0, 0)


def test_text_longer_than_its_column_is_cut_by_consent_between_characters(engine: Engine) -> None:
    table = Table(engine, config={"accept": {"name": ["length"]}})
    table.query(engine.made("{t}", id=engine.whole, name=engine.fox_text))

    table.load([(1, "longer"), (2, "🦊🦊🦊"), (3, "abc🦊")])

    found = [text for _, text in table.rows()]
    assert found[1] == "🦊🦊"
    assert "longer".startswith(found[0])
    assert "abc🦊".startswith(found[2])


# Columns that are there ---------------------------------------------------------------------------

FITTING: dict[str, Any] = {
    "bool": True,
    "int64": 7,
    "decimal": Decimal("1.2345"),
    "float64": 0.5,
    "text": "text",
    "binary": b"\x01",
    "date": dt.date(2024, 2, 29),
    "time": dt.time(1, 2, 3),
    "timestamp": dt.datetime(2024, 2, 29, 1, 2, 3, 456789),
    "timestamptz": dt.datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=dt.UTC),
    "json": "[1]",
}
SPECIAL = {
    "uuid": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    "uniqueidentifier": "6F9619FF-8B86-D011-B42D-00C04FC964FF",
    "json": "[1]",
}
ELSEWHERE = {"citext"}
"""Types of extensions, which the server need not have."""


def test_column_of_every_type_that_is_said_to_fit_does(engine: Engine) -> None:
    pairs = [
        (sample, name)
        for sample in typetable.SAMPLES
        for name in typetable.existing(engine.kind, sample.kind)[Fidelity.EXACT]
        if name not in ELSEWHERE
    ]
    columns = {f"c{n}": str(sample) for n, (sample, _) in enumerate(pairs)}
    table = Table(engine, schema=a_schema(("id",), id="int64", **columns))
    made = {f"c{n}": name for n, (_, name) in enumerate(pairs)}
    table.query(engine.made("{t}", id=engine.whole, **made))
    row = (1, *(SPECIAL.get(name, FITTING[sample.kind]) for sample, name in pairs))

    assert len(pairs) > 15
    assert changed(table.load([row])) == (1, 0, 0)
    assert changed(table.load([row])) == (0, 0, 0)
