"""Files of a stated kind whose records are lines: is this one, and in which encoding?

Nothing is guessed about them: their kind, and the positions of fixed width, are the table's.
"""

import codecs
from collections.abc import Mapping

from shared.csv.detection.charsets import find_charset
from shared.csv.detection.detected import Detected
from shared.csv.detection.disguises import refuse_binary
from shared.csv.dialect import Dialect, require_encoding
from shared.csv.encodings import Transcoder, marked_encoding
from shared.errors import InvalidFileError

_SHOWN_CHARACTERS = 60


def detect_lined(head: bytes, given: Mapping[str, object], *, is_whole: bool) -> Detected:
    """Make sure that a file is what its kind says, as far as its first bytes tell.

    Args:
        head: the first bytes, unpacked.
        given: fields of ``Dialect`` that the table states, ``kind`` among them.
        is_whole: these are all bytes of the file.

    Raises:
        InvalidFileError: it is something else.
    """
    refuse_binary(head)
    stated = {"delimiter": "", "quote": None, **given}
    if given["kind"] == "ndjson":
        found = Dialect.from_dict({**stated, "encoding": "utf-8"})
        return Detected(found, (f"kind ndjson: given; {_first_object(head, is_whole=is_whole)}",))
    fields = len(Dialect.from_dict(stated).positions)
    kind = f"kind fixed: given, with the positions of {fields} fields"
    if "encoding" in given:
        name = str(given["encoding"])
        require_encoding(name)
        stated["encoding"] = Transcoder(name, head[:4]).encoding
        return Detected(Dialect.from_dict(stated), (kind, f"encoding {name}: given"))
    charset = find_charset(head, is_whole=is_whole)
    warnings = (charset.warning,) if charset.warning else ()
    dialect = Dialect.from_dict({**stated, "encoding": charset.name})
    return Detected(dialect, (kind, charset.evidence), warnings)


def _first_object(head: bytes, *, is_whole: bool) -> str:
    """Look at the first line that is not blank."""
    marked = marked_encoding(head)
    if marked not in (None, "utf-8") or b"\0" in head[:4]:
        raise InvalidFileError(
            f"NDJSON is UTF-8, and this file is {marked or 'something else'}; send it in UTF-8. "
            "Source: RFC 8259, section 8.1"
        )
    text = head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")
    line, end, _ = text.partition(b"\n")
    if not line:
        return "nothing but blank lines"
    shown = line[:_SHOWN_CHARACTERS].decode(errors="backslashreplace").rstrip()
    if line.startswith(b"["):
        raise InvalidFileError(
            f"the file starts with {shown!r}: a list. NDJSON has no list around its objects and "
            "no comma between them; write each object on a line of its own"
        )
    if not line.startswith(b"{"):
        raise InvalidFileError(
            f"the file starts with {shown!r}, which is no JSON object; NDJSON has one per line"
        )
    if line.strip() == b"{":
        raise InvalidFileError(
            "the first object goes on for several lines; write each object on a line of its own"
        )
    return "its first line is an object" if end or is_whole else "its first line is a long object"
