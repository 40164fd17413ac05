"""Rows of words below a header: more names, or the first values."""

import pytest

from shared.csv import Detected, detect

ROWS = "Bob,5,6\nCid,7,8\nDan,8,9\n"


def found(*lines: str) -> Detected:
    return detect("\n".join([*lines, ROWS]).encode(), is_whole=True)


def test_row_with_one_word_for_missing_values_is_a_row() -> None:
    verdict = found("name,score1,score2", "Ann,absent,absent")

    assert (verdict.dialect.header_rows, verdict.warnings) == (1, ())


@pytest.mark.parametrize(
    "lines",
    [
        ("name,height,weight", ",cm,kg"),
        ("name,height,width", "-,mm,mm"),
        ("name,speed,power", "text,m/s,kW"),
        ("name,speed,power", "text,[km/h],(W/m²)"),
        ("Name,Score,Grade", "name,first score,grade"),
        ("Region,Sales,Sales", "of,Q,R"),
        ("City,Inhabitants,Households", "Name,persons,persons"),
        ("id,x,y", "STRING,INTEGER,INTEGER"),
        ("time,a,b", "UTC,MWh,MWh"),
        ("NAME,B01001_001E,B01001_002E", "Area,Total,Total male"),
    ],
)
def test_names_that_call_for_more_are_clean(lines: tuple[str, str]) -> None:
    verdict = found(*lines)

    assert (verdict.dialect.header_rows, verdict.warnings) == (2, ())


def test_word_over_groups_of_columns_is_a_name() -> None:
    assert found("Region,Q1,Q2", ",Sales,Sales").dialect.header_rows == 2
