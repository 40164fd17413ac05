"""What is said of a file whose table protects columns: nothing that stands in it."""

import pytest

from shared import csv
from shared.config.tables import TableConfig
from shared.errors import InvalidConfigError, InvalidFileError
from shared.steps.protections import in_files
from shared.steps.withholding import quietly, unquoted
from tests.builders import a_column, a_schema, file_table_data

SECRET = "ann@example.org"


def a_table(**columns: object) -> TableConfig:
    return TableConfig.model_validate(file_table_data(columns=columns))


PROTECTING = a_table(mail={"protect": "hash"})


def test_error_of_a_file_whose_first_row_is_taken_for_its_header_says_no_value() -> None:
    schema = a_schema((), id="int64", mail="text")
    rows = csv.read([f"7,{SECRET}\n8,bo\n".encode()], csv.Dialect(delimiter=","), schema)

    with pytest.raises(InvalidFileError) as refused:
        list(quietly(rows, PROTECTING))

    assert "missing: id, mail" in refused.value.message
    assert SECRET not in f"{refused.value.message}{refused.value.facts}"
    assert refused.value.__suppress_context__


def test_error_of_a_table_that_protects_nothing_stays_as_it_is() -> None:
    schema = a_schema((), id="int64", mail="text")
    rows = csv.read([f"7,{SECRET}\n".encode()], csv.Dialect(delimiter=","), schema)

    with pytest.raises(InvalidFileError, match=SECRET):
        list(quietly(rows, a_table()))


def test_rejected_row_that_is_shifted_by_a_column_is_not_quoted() -> None:
    schema = a_schema((), id="int64", age="int64", mail="text")
    text = f"id,age,mail\n1,{SECRET},\n".encode()
    (batch,) = csv.read([text], csv.Dialect(delimiter=","), schema)
    (reject,) = batch.rejects

    shown = unquoted(reject)

    assert SECRET in f"{reject.raw}{reject.reason}"
    assert SECRET not in f"{shown}"
    assert (shown.line, shown.column, shown.rule, shown.byte_offset) == (2, "age", "not_int64", 12)


def test_a_name_that_differs_in_case_alone_is_told_and_other_names_of_the_file_are_not() -> None:
    columns = (a_column("Mail", "text"), a_column(SECRET, "text"))

    with pytest.raises(InvalidConfigError, match=r"letter by letter: write Mail$") as refused:
        in_files(columns, PROTECTING)

    assert SECRET not in refused.value.message


def test_protected_columns_of_files_are_text_and_dropped_ones_have_their_place() -> None:
    table = a_table(column_2={"protect": "drop"}, pay={"protect": "hash"})
    target = (a_column("id"), a_column("pay", "int64"))

    found = in_files(target, table, names=("column_1", "column_2", "column_3"))

    assert [(c.name, str(c.type)) for c in found] == [
        ("id", "int64"),
        ("column_2", "text"),
        ("pay", "text"),
    ]
