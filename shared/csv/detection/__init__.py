"""Find how a file is written, from its first bytes, and say why.

The verdict proposes; a table's settings overrule it, and the whole file is held to the result.
"""

from dataclasses import dataclass

from shared.csv.dialect import Dialect
from shared.csv.encodings import marked_encoding

_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and the evidence for each part of it."""

    dialect: Dialect
    evidence: tuple[str, ...]


def detect(head: bytes) -> Verdict:
    """Find the dialect of a file from its first bytes, a megabyte at best."""
    evidence = []
    encoding = marked_encoding(head)
    if encoding:
        evidence.append(f"encoding {encoding}: a byte order mark")
    else:
        encoding = _encoding(head)
        evidence.append(f"encoding {encoding}: it decodes")
    text = head.decode(encoding, errors="ignore").removeprefix("\ufeff")
    line = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    counts = {d: line.count(d) for d in _DELIMITERS}
    delimiter = max(counts, key=counts.__getitem__)
    evidence.append(f"delimiter {delimiter!r}: {counts[delimiter]} in the first line")
    return Verdict(Dialect(encoding=encoding, delimiter=delimiter), tuple(evidence))


def _encoding(head: bytes) -> str:
    try:
        head.decode()
    except UnicodeDecodeError as exc:
        if exc.start < len(head) - 3:
            return "cp1252"
    return "utf-8"
