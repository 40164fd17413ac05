"""Lines that start as comments do, although they are rows: where the mark was found, not stated."""

from shared.csv.grammar import Syntax, read_record

MARKED = "like_a_comment"
"""The rule of a note."""

REASON = (
    "it starts as comments do, but is as wide as a row and read as one; state comment to leave "
    "such lines out"
)
_DRAWN = b" -=\"'"


def may_be_row(line: bytes, comment: bytes, syntax: Syntax) -> bool:
    """Whether such a line is as wide as a row, and none that is drawn below a header."""
    record = read_record(line + syntax.newline, 0, syntax)
    width = line.count(syntax.delimiter) + 1 if record.flaw else record.width
    is_drawn = not any(content.strip(_DRAWN) for content, _ in record.fields)
    return width == syntax.width and not is_drawn and line != comment
