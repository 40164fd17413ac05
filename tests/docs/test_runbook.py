"""The runbook and the glossary against the code: what they name is there, nothing is left out."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from shared import errors
from shared.errors import SluiceError
from shared.settings import Settings

RUNBOOK = Path("docs/runbook.md").read_text()
CODE = [p for p in Path("shared").rglob("*.py") if p.name != "errors.py"]
KINDS = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SluiceError)
}
STEPS = ("**Means.** ", "**Look.** ", "**Do.** ")
GLOSSARY = dict(
    re.findall(r"^\| ([a-z ]+) \| (.+) \|$", Path("docs/glossary.md").read_text(), re.MULTILINE)[1:]
)


def sections(heading: str) -> dict[str, str]:
    """Return the sections below a heading, by their own headings."""
    part = RUNBOOK.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.split(r"^### (.+)$", part, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def raised() -> set[str]:
    """Return the errors that the code makes, base classes included."""
    calls = (
        node.func.id
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
    return {name for name in calls if name in KINDS}


def test_there_is_a_heading_for_every_error_that_a_record_can_name() -> None:
    concrete = {name for name, kind in KINDS.items() if not kind.__subclasses__()}

    assert set(sections("Errors")) == concrete | raised()


ALL = {**sections("Conditions"), **sections("Errors")}


@pytest.mark.parametrize("heading", ALL)
def test_every_section_says_what_it_means_how_to_look_and_what_to_do(heading: str) -> None:
    paragraphs = [p for p in ALL[heading].strip().split("\n\n") if p]

    assert len(paragraphs) == len(STEPS)
    assert all(p.startswith(s) for p, s in zip(paragraphs, STEPS, strict=True))


def test_links_within_the_runbook_lead_somewhere() -> None:
    anchors = {re.sub(r"[^a-z0-9-]", "", h.lower().replace(" ", "-")) for h in ALL}

    linked = set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK))
    assert linked
    assert linked <= anchors


def test_log_lines_that_the_runbook_quotes_are_in_the_code() -> None:
    code = "".join(path.read_text() for path in CODE)
    quoted = [
        quote
        for sentence in re.findall(r"The log line is [^.]+", RUNBOOK)
        for quote in re.findall(r"`([^`]+)`", sentence)
    ]

    assert quoted
    assert [q for q in quoted if f'"{q}"' not in code] == []


def test_environment_variables_that_the_runbook_names_are_settings() -> None:
    named = set(re.findall(r"`(SLUICE_\w+)`", RUNBOOK))

    source = inspect.getsource(Settings.from_environment)
    assert named
    assert [n for n in named if f'"{n}"' not in source] == []


@pytest.mark.parametrize("word", GLOSSARY)
def test_word_of_the_glossary_is_used_in_the_code(word: str) -> None:
    text = "".join(path.read_text() for path in Path("shared").rglob("*.py")).lower()

    assert re.search(rf"\b{word.replace(' ', '[ _-]?')}", text)


def test_glossary_is_sorted_and_names_each_word_once() -> None:
    words = re.findall(r"^\| ([a-z ]+) \|", Path("docs/glossary.md").read_text(), re.MULTILINE)[1:]

    assert words == sorted(set(words))
