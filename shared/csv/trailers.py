"""The last line of a file when that is no row but says how many rows there are."""

import re

_COUNTED = (
    r"trailer|trl|tlr|footer|eof|end of (?:file|report)|(?:total |number of |# of )?"
    r"(?:rows?|records?|lines?|entries|count)|(?:anzahl )?(?:zeilen|datensätze)|anzahl"
    r"|enregistrements"
)
_TRAILER = re.compile(
    rf"(?i)[\"'(\[*=\s#-]*(?:(?:{_COUNTED})\b[^0-9]*|totals?\b[^0-9]*)0*(?P<count>\d+)\b"
    r"|\((?P<rows>\d+) (?:rows?|zeilen?|lignes?)\b[^()]*\)"
)
_SURELY_COUNTED = re.compile(rf"(?i)\b(?:{_COUNTED})\b|^\($")


def trailer_count(line: str) -> tuple[str, int] | None:
    """Return the words before the number, and the number, of a line that may count rows."""
    match = _TRAILER.match(line)
    if not match:
        return None
    if match["rows"] is not None:
        return "(", int(match["rows"])
    return line[: match.start("count")].rstrip("0"), int(match["count"])


def counts_rows(prefix: str) -> bool:
    """Whether a trailer's words speak of rows, and not of a sum."""
    return bool(_SURELY_COUNTED.search(prefix))


def agrees(count: int, rows: int, header_rows: int) -> bool:
    """Whether a trailer counts the rows, with or without the header and itself."""
    return count in {rows, rows + 1, rows + header_rows, rows + header_rows + 1}


def no_trailer(place: str, trailer: str) -> str:
    """Say that a file lacks the last line that its table's settings promise."""
    return (
        f"the last line of {place} does not start with {trailer!r}, the trailer that counts its "
        "rows, so the file may be cut off. Send it again, or take trailer out of the table's "
        "settings"
    )


def last_line(text: bytes) -> bytes:
    """Return the last line that is not blank, without its line end."""
    content = text.rstrip(b"\r\n \t")
    start = max(content.rfind(b"\n"), content.rfind(b"\r")) + 1
    return text[start:].split(b"\n", 1)[0].split(b"\r", 1)[0]
