"""What numbers of a worksheet are: exact texts, dates, times, durations."""

from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.csv.excel.formats import Meaning, meaning_of
from shared.csv.excel.writing import moment_field, number_field
from tests.workbooks import book, of_cells, styles


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("1", "1"),
        ("1.0", "1"),
        ("-0", "0"),
        ("1.50", "1.5"),
        ("2.9999999999999999E-2", "0.03"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("1E+20", "100000000000000000000"),
        ("1.5E-7", "0.00000015"),
        ("1E300", "1e+300"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_number_is_its_shortest_exact_text(stored: str, shown: str) -> None:
    assert of_cells(f"<c><v>{stored}</v></c>") == shown


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
def test_number_of_any_size_means_the_same_float(number: float) -> None:
    assert float(number_field(f"{number:.17G}")) == number


@pytest.mark.parametrize(
    ("stored", "style", "shown"),
    [
        ("45293", 1, "2024-01-02"),
        ("45293.5", 1, "2024-01-02 12:00:00"),
        ("45293", 2, "2024-01-02 00:00:00"),
        ("45293.524259259262", 2, "2024-01-02 12:34:56"),
        ("45293.524260688", 2, "2024-01-02 12:34:56.123"),
        ("0.99999999999", 3, "1900-01-01 00:00:00"),
        ("0.25", 3, "06:00:00"),
        ("1.25", 3, "1900-01-01 06:00:00"),
        ("0.25", 2, "06:00:00"),
        ("59", 1, "1900-02-28"),
        ("60", 1, "1900-02-29"),
        ("61", 1, "1900-03-01"),
        ("2958465", 1, "9999-12-31"),
        ("2958466", 1, "2958466"),
        ("-1", 1, "-1"),
        ("1.1041666666666667", 4, "PT26H30M0S"),
        ("-0.5", 4, "-PT12H0M0S"),
        ("0.5000000115740741", 4, "PT12H0M0.001S"),
        ("45293", 5, "45293"),
    ],
)
def test_number_with_a_format_of_moments_is_iso_8601(stored: str, style: int, shown: str) -> None:
    sheet = styles(0, 14, 22, 20, "[h]:mm:ss", "0.00")

    found = of_cells(f'<c s="{style}"><v>{stored}</v></c>', styles=sheet)

    assert found == shown


@pytest.mark.parametrize(
    ("stored", "shown"), [("0", "1904-01-01"), ("1", "1904-01-02"), ("2957003", "9999-12-31")]
)
def test_days_are_counted_from_1904_where_the_workbook_says_so(stored: str, shown: str) -> None:
    listed = book('<sheet name="D" r:id="a"/>', '<workbookPr date1904="true"/>')
    sheet = styles(0, 14)

    assert of_cells(f'<c s="1"><v>{stored}</v></c>', workbook=listed, styles=sheet) == shown


@settings(max_examples=100, deadline=None)
@given(
    st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31, 23, 59, 59)),
    st.sampled_from([False, True]),
)
def test_moment_comes_back_to_the_millisecond(moment: datetime, is_1904: bool) -> None:
    moment = moment.replace(microsecond=0)
    if is_1904 and moment.year < 1905:
        moment = moment.replace(year=1905)
    first = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)

    serial = repr((moment - first) / timedelta(days=1))

    found = moment_field(serial, Meaning.DATETIME, is_1904=is_1904).decode()
    assert datetime.fromisoformat(found) == moment


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("General", Meaning.NUMBER),
        ("Standard", Meaning.NUMBER),
        ("0.00E+00", Meaning.NUMBER),
        ('0 "days"', Meaning.NUMBER),
        ("#,##0.00\\ [$€-407];[Red]-#,##0.00", Meaning.NUMBER),
        ("@", Meaning.NUMBER),
        ("dd.mm.yyyy", Meaning.DATE),
        ("[$-409]mmm-yy;@", Meaning.DATE),
        ('yyyy"年"m"月"d"日"', Meaning.DATE),
        ("mmmm", Meaning.DATE),
        ("mm:ss.0", Meaning.TIME),
        ("h:mm AM/PM", Meaning.TIME),
        ("d/m/yy h:mm:ss.000", Meaning.DATETIME),
        ("[hh]:mm", Meaning.DURATION),
        ("[mm]:ss", Meaning.DURATION),
    ],
)
def test_code_of_a_format_says_what_numbers_are(code: str, meaning: Meaning) -> None:
    assert meaning_of(code) is meaning
