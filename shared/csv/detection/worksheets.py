"""The text of a worksheet: how it is always written, and what else a table of workbooks may get."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from shared.csv.detection.detected import Detected
from shared.csv.detection.disguises import refuse_binary, refuse_markup
from shared.errors import InvalidFileError

WRITTEN: Final[Mapping[str, object]] = MappingProxyType(
    {
        "encoding": "utf-8",
        "delimiter": ",",
        "quote": '"',
        "escape": None,
        "comment": None,
        "has_trailing_delimiter": False,
        "null_markers": ("",),
    }
)
"""Points of the dialect that worksheets have, whatever is in them."""

_FOREIGN = ";\t|"
"""Delimiters of other texts; that of a worksheet has them in quotes only."""
_LOOKED_AT = 2**12
_OF_TEXTS = ("encoding ", "line ends: ")


def refuse_other_text(head: bytes) -> None:
    """Refuse what is no text of a worksheet, such as rejected rows that are sent again.

    Args:
        head: the first bytes of a file that is no workbook.

    Raises:
        InvalidFileError: it is something else, with its name.
    """
    try:
        refuse_binary(head)
        text = head.decode("utf-8-sig", "replace")
        refuse_markup(text)
    except InvalidFileError as exc:
        name = exc.facts.get("found", "something else")
        raise InvalidFileError(
            f"this is {name}, and no Excel workbook (.xlsx, .xlsm); save it as .xlsx without a "
            "password and send that",
            found=name,
        ) from exc
    line = next((each for each in text[:_LOOKED_AT].split("\n") if each.strip()), "")
    mark = next((m for m in _FOREIGN if m in "".join(line.split('"')[::2])), None)
    if mark is not None or "\0" in line:
        parted = f"text parted by {mark!r}" if mark else "no text in UTF-8"
        raise InvalidFileError(
            f"this is {parted}, and no Excel workbook (.xlsx, .xlsm). Rejected rows of a worksheet "
            "are sent again as CSV with commas, in UTF-8; anything else as .xlsx"
        )


def without_evidence_of_text(detected: Detected) -> Detected:
    """Leave out what is no news: how the text of every worksheet is written."""
    kept = tuple(each for each in detected.evidence if not each.startswith(_OF_TEXTS))
    return replace(detected, evidence=kept)
