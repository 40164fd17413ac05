"""Content that is no delimited text, whatever the file's name says: refused by its own name."""

import json
import re

from shared.errors import InvalidFileError

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""What a container of OLE calls an encrypted document. Source: [MS-OFFCRYPTO] 2.3.4.4."""

_MAGIC = (
    (_OLE, "an old Excel workbook (.xls) or other Office file"),
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC\x0a", "an ORC file"),
    (b"ORC\x08", "an ORC file"),
    (b"ARROW1\0\0", "an Arrow file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PGCOPY\n\xff\r\n\0", "a binary COPY of PostgreSQL"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"{\\rtf", "a Rich Text document"),
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the file it stands for"),
    (b"-----BEGIN PGP", "a PGP message"),
)
"""Source: the formats' own specifications; the bytes that each of them starts with."""

_TAKEN = {"a Parquet file": ", or set kind: parquet"}
"""Formats that a kind of files takes."""

_ZIPPED = (
    (b"xl/", "an Excel workbook (.xlsx)"),
    (b"word/", "a Word document (.docx)"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument file"),
)
_MARKUP = re.compile(
    r"(?i)<(?:(?P<html>!doctype\s+html|html|head|body|table|div|script)\b|(?P<xml>\?xml\b))"
)
_XML_ELEMENT = re.compile(
    r"<([A-Za-z_][\w.:-]*)(?:\s+[\w.:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>"
)
_SYLK = re.compile(r"ID;P[A-Z]")
_INI = re.compile(r"\[[^\]\n,;|\t]+\]\s*\n(?:\s*(?:[#;][^\n]*|[\w.-]+ *=[^\n]*)?(?:\n|\Z)){2,}")
_OTHER_TEXTS = (
    (re.compile(r"(?i)BEGIN:V(?:CARD|CALENDAR)\s*\n"), "a vCard or iCalendar file"),
    (re.compile(r"UNA.{6}\s*UN[BG]|UN[BG]\+UN|ISA\*\d\d\*"), "an EDI message"),
    (_INI, "a file of settings"),
    (re.compile(r"(?i)(?:insert\s+into|create\s+table|begin transaction)\b[^\n]*[\n(]"), "SQL"),
    (re.compile(r"(?i)(?:%[^\n]*\n|\s)*@relation\s[^@]*@attribute\s"), "an ARFF file"),
    (re.compile(r"MSH\|\^~"), "an HL7 message"),
    (re.compile(r"(?i)!(?:Type|Account|Option)\b[^\n,;|\t]*\n(?:[^\n]*\n)*?\^\s"), "a QIF file"),
    (re.compile(r"TABLE\s*\n0,1\s*\n"), "a DIF spreadsheet"),
    (re.compile(r"(?:---\n)?(?:- [\w-]+:[^\n]*\n(?:  [\w-]+:[^\n]*\n)+){2}"), "YAML"),
    (re.compile(r"(?:[^\n&]*&[^\n]*\\\\\n){2}"), "a table of LaTeX"),
    (re.compile(r":20:[^\n]*\n(?::\d\d[A-Z]?:[^\n]*\n)+"), "a SWIFT message (MT940)"),
    (re.compile(r"(?:\[[^\n]*\],?\s*\n){2,}\Z|(?:\([^\n]*\),?\s*\n){2,}\Z"), "lists of a program"),
)
"""Sources: RFC 6350, RFC 5545; ISO 9735 and ASC X12, the first segment of an interchange; Weka's
ARFF; HL7 version 2, chapter 2; Intuit's QIF; the Data Interchange Format; SWIFT's MT940."""
_RECORD_SEPARATOR = "\x1e"
_TEXT_CONTROLS = frozenset("\t\n\r\f\v\x1a\x1b\x1c\x1d\x1e\x1f\0")
_MAX_CONTROL_KINDS = 4
"""More different ones than delimiters and a stray byte can be."""


def refuse_binary(head: bytes) -> None:
    """Refuse a file whose first bytes are another format's.

    Raises:
        InvalidFileError: it is one, with the format's name.
    """
    if name := format_name(head):
        raise _refusal(name, hint=_TAKEN.get(name, ""))


def format_name(head: bytes) -> str | None:
    """Return what a file is whose first bytes are those of a known format, but text."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        beginning = head[: 2**16]
        return next((name for part, name in _ZIPPED if part in beginning), "a zip archive")
    if head.startswith(_OLE) and _ENCRYPTED in head:
        return "an Excel workbook or other Office file with a password"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def refuse_markup(text: str) -> None:
    """Refuse text that is JSON, XML or HTML, or no text at all.

    Raises:
        InvalidFileError: it is, with the format's name.
    """
    start = text[:4096].lstrip()
    markup = _MARKUP.match(start)
    if markup:
        kind = "an HTML page" if markup["html"] else "an XML document"
        excel = " that Excel opens" if "urn:schemas-microsoft-com:office" in text[:4096] else ""
        raise _refusal(kind + excel)
    element = _XML_ELEMENT.match(start)
    if element and f"</{element[1]}>" in text:
        raise _refusal("an XML document")
    if _SYLK.match(start) and re.search(r"\r?\n[CBF];", text[:4096]):
        raise _refusal("a SYLK spreadsheet")
    for beginning, name in _OTHER_TEXTS:
        if beginning.match(start):
            raise _refusal(name)
    if _RECORD_SEPARATOR in start and "\n" not in text and "\r" not in text:
        raise _refusal("text whose records end with ASCII 30 instead of line ends")
    if start[:1] in ("{", "[") and _is_json(start, text):
        raise _refusal("JSON", hint=", or set kind: ndjson if each line is one object")
    kinds = {c for c in text[:4096] if c < " " and c not in _TEXT_CONTROLS}
    if len(kinds) > _MAX_CONTROL_KINDS:
        raise _refusal(f"binary data, with {len(kinds)} kinds of control characters")


def _is_json(start: str, text: str) -> bool:
    line = text.lstrip().split("\n", 1)[0].strip()
    for candidate in (line, text):
        try:
            return isinstance(json.loads(candidate), (dict, list))
        except (ValueError, RecursionError):
            continue
    return bool(re.match(r"[\[{]\s*(?:[\[{]\s*)*\"(?:[^\"\\]|\\.)*\"\s*:\s*[\[{\"\d\-tfn]", start))


def _refusal(name: str, *, hint: str = "") -> InvalidFileError:
    return InvalidFileError(
        f"this is {name}, not delimited text; export it as CSV and send that{hint}", found=name
    )
