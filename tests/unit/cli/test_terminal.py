"""What others named, on a terminal: shown, never obeyed."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from shared.cli.terminal import shown, terminal

ATTACKS = [
    "a\x1b[2Jb",
    "a\x1b]0;title\x07b",
    "a\x9b31mb",
    "invoice\u202excod.exe",
    "a\rb",
    "a\x00b",
    "a\x7fb",
    "half \ud800",
]


def printed(what: object, **how: object) -> str:
    """Return what a terminal in colour is sent."""
    console = terminal()
    console.file = target = io.StringIO()
    console._color_system = None  # its own colours are escape sequences, too
    console.print(what, **how)  # type: ignore[arg-type]
    return target.getvalue()


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
@pytest.mark.parametrize("form", ["text", "markup", "table"])
def test_no_character_of_a_name_moves_the_cursor_or_hides_another(text: str, form: str) -> None:
    what: object = Text(text) if form == "text" else text
    if form == "table":
        what = Table("name")
        what.add_row(Text(text))  # type: ignore[attr-defined]

    sent = printed(what, markup=form == "markup", highlight=False)

    assert sent == shown(sent)
    assert "\n" in sent


def test_what_is_only_unusual_stays_as_it_is() -> None:
    assert printed("Größe 日本 😀 é", highlight=False).rstrip() == "Größe 日本 😀 é"


@given(st.text())
def test_any_text_is_shown(text: str) -> None:
    assert shown(shown(text)) == shown(text)
    assert all(c.isprintable() or c in "\t\n" or c > "\x9f" for c in shown(text))
