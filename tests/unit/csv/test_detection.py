"""What a verdict says besides the dialect, and what it must hold whatever the file."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.csv import detect
from shared.errors import InvalidConfigError, InvalidFileError, SluiceError

SEMICOLONS = b"id;price;note\n1;1,50;a, b\n2;2,75;c, d\n3;9,99;e, f\n"


def test_each_choice_has_a_sentence_with_numbers():
    verdict = detect(SEMICOLONS, is_whole=True)

    assert verdict.evidence[0].startswith("encoding utf-8: all 50 bytes")
    assert "delimiter ';': 4 of 4 records have 3 fields; ', ' would give 1 to 2" in verdict.evidence
    assert any(line.startswith("header: 'id' stands over") for line in verdict.evidence)
    assert any(line.startswith("decimal mark ','") for line in verdict.evidence)


def test_a_clean_file_has_no_warning_and_high_confidence():
    verdict = detect(b"id,name,when\n1,Ann,2024-01-01\n2,Bob,2024-01-02\n", is_whole=True)

    assert not verdict.warnings
    assert verdict.confidence > 0.5


def test_alternatives_are_named_best_first():
    verdict = detect(SEMICOLONS, is_whole=True)

    assert verdict.alternatives[0] == "delimiter ', '"


def test_what_is_given_wins_and_is_reported_as_given():
    verdict = detect(SEMICOLONS, is_whole=True, given={"delimiter": ",", "header_rows": 0})

    assert verdict.dialect.delimiter == ","
    assert verdict.dialect.header_rows == 0
    assert "delimiter ',': given" in verdict.evidence
    assert "header_rows 0: given" in verdict.evidence


def test_a_given_encoding_that_the_mark_contradicts_is_refused():
    with pytest.raises(InvalidFileError, match="byte order mark"):
        detect("\ufeffid\n1\n".encode("utf-16-le"), is_whole=True, given={"encoding": "utf-8"})


def test_given_marks_that_collide_are_refused():
    with pytest.raises(InvalidConfigError, match="collide"):
        detect(SEMICOLONS, is_whole=True, given={"delimiter": ";", "quote": ";"})


def test_a_head_that_ends_in_the_middle_of_a_record_is_no_reason_to_warn():
    head = b"id,name,amount\n" + b"12345,Ann,10.50\n" * 1000

    for cut in (head[:-1], head[:-5], head[:-9], head[:-15]):
        assert not detect(cut).warnings


def test_a_head_that_ends_in_the_middle_of_a_character_is_utf8_all_the_same():
    head = "id,name\n1,Müller\n2,Ärger\n3,東".encode()[:-1]

    assert detect(head).dialect.encoding == "utf-8"
    assert not detect(head).warnings


def test_two_delimiters_that_fit_equally_are_pointed_out():
    verdict = detect(b"a;1|2;b\nc;3|4;d\ne;5|6;f\n", is_whole=True)

    assert verdict.dialect.delimiter == ";"
    assert "delimiter '|'" in verdict.alternatives


def test_a_clean_megabyte_takes_little_time():
    row = b"1234567,Ann Smith,Rome,10.50,2024-01-31,true,17,0.25,some text,x\n"
    head = b"id,name,city,amount,day,flag,n,share,note,code\n" + row * (2**20 // len(row))
    detect(head[: 2**12])

    started = time.process_time()
    detect(head)

    assert time.process_time() - started < 0.15


@pytest.mark.parametrize(
    "unit",
    [
        b'"',
        b'","',
        b'"\n,',
        b'"a\n',
        b'a,"b',
        b"a,",
        b"\n,",
        b" \t",
        b"a" + b" " * 99,
        b"\\,",
        b"'\n",
    ],
)
def test_hostile_repetition_takes_seconds_at_most(unit):
    head = unit * (2**20 // len(unit))

    started = time.process_time()
    with suppress(InvalidFileError):
        detect(head)

    # A quarter of one on an idle machine; what grows faster than the file takes minutes.
    assert time.process_time() - started < 5


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_a_verdict_or_a_refusal(head, is_whole):
    with suppress(SluiceError):
        assert detect(head, is_whole=is_whole).evidence


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet=",;|\t\"'\n\r\\#:= -a1é\ufeff\0", max_size=120))
def test_any_text_of_marks_gives_a_verdict_or_a_refusal(text):
    with suppress(SluiceError):
        assert detect(text.encode(), is_whole=True).evidence
