"""Find how a file is written, from its first bytes, and say why.

In turn: is it text at all, in which encoding, cut by which marks, and where among its lines are the
rows. What is given overrules what would be found; the whole file is held to the result later.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.csv.detection.charsets import Charset, find_charset
from shared.csv.detection.decimals import decimal_comma
from shared.csv.detection.detected import Detected
from shared.csv.detection.directives import Directives, find_directives
from shared.csv.detection.disguises import refuse_binary, refuse_markup
from shared.csv.detection.drawn import refuse_aligned, refuse_drawn, refuse_packed, refuse_uneven
from shared.csv.detection.layouts import Layout, find_layout
from shared.csv.detection.lined import detect_lined
from shared.csv.detection.phrases import line_ends, say_quote, spread
from shared.csv.detection.samples import LOOKED_AT, first_lines, sample
from shared.csv.detection.shapes import Shape, Style, normalized, shape
from shared.csv.detection.styles import Scored, first_width, ranked
from shared.csv.detection.worksheets import WRITTEN, without_evidence_of_text
from shared.csv.dialect import UNWRITTEN, Dialect, require_encoding
from shared.csv.encodings import Transcoder
from shared.csv.marks import ESCAPE_CODES
from shared.errors import InvalidFileError

_SEPARATOR_LINE = re.compile(r'"?[Ss][Ee][Pp]=(?P<delimiter>[^"\n]{1,16})"?[^\S\n]*(?:\n|\Z)')
"""Source: what Excel reads and writes as the first line of a CSV file."""

_NULL_RECORDS = 200
_NEAR = 0.97
_MIN_MAJORITY = 0.5


def detect(
    head: bytes, *, is_whole: bool = False, given: Mapping[str, object] | None = None
) -> Detected:
    """Find the dialect of a file from its first bytes; a megabyte is plenty.

    Args:
        head: The decompressed file's first bytes.
        is_whole: These are all bytes of the file, so that its end is looked at too.
        given: Fields of ``Dialect`` that are settled already, by name; they are taken as they are.

    Raises:
        InvalidFileError: this is no delimited text, or there are two tables in it; says what it is.
        InvalidConfigError: what is given contradicts itself or the file.
    """
    settled = dict(given or {})
    if not head:
        raise InvalidFileError("the file is empty: 0 bytes, not even a header")
    kind = settled.get("kind", "csv")
    if kind == "parquet":
        return Detected(Dialect.from_dict({**settled, **UNWRITTEN}), ("kind parquet: given",))
    if kind not in ("csv", "excel"):
        return detect_lined(head, settled, is_whole=is_whole)
    stated = tuple(settled)
    if kind == "excel":
        settled = {**WRITTEN, **settled}
    refuse_binary(head)
    charset = _charset(head, settled, is_whole=is_whole)
    raw, lines_before = sample(head, charset.name, settled, is_whole=is_whole)
    if not raw.strip("\0 \t\r\n\f\v\ufeff\u00a0"):
        raise InvalidFileError("the file has no text: nothing but blanks and line ends")
    if "delimiter" not in settled:
        refuse_markup(raw)
    if len(raw) > LOOKED_AT:
        raw, is_whole = first_lines(raw, LOOKED_AT), False
    detection = _Detection(raw, charset, settled, stated, lines_before, is_whole=is_whole)
    detected = detection.detected()
    return without_evidence_of_text(detected) if kind == "excel" else detected


def _charset(head: bytes, given: Mapping[str, object], *, is_whole: bool) -> Charset:
    if "encoding" in given:
        name = str(given["encoding"])
        require_encoding(name)
        return Charset(Transcoder(name, head[:4]).encoding, f"encoding {name}: given")
    return find_charset(head, is_whole=is_whole)


_KEYS = {"decimal_mark": "decimal", "thousands_mark": "thousands", "null_markers": "null"}
"""Points of a dialect that table files call otherwise."""


@dataclass(frozen=True)
class _Choice:
    """The style that was chosen, and how sure that is."""

    best: Scored
    rivals: list[Scored]

    @property
    def confidence(self) -> float:
        """Return how far the best style is ahead, from 0 to 1."""
        rival = self.rivals[0].score if self.rivals else 0.0
        return round(1 - rival / self.best.score, 3) if self.best.score else 0.0


class _Detection:
    """The text of one file, while its style and layout are looked for."""

    def __init__(
        self,
        raw: str,
        charset: Charset,
        given: dict[str, object],
        stated: tuple[str, ...],
        lines_before: int,
        *,
        is_whole: bool,
    ) -> None:
        self._raw, self._charset, self._given, self._is_whole = raw, charset, given, is_whole
        self._stated = stated
        self._text = normalized(raw)
        self._evidence = [charset.evidence]
        self._warnings = [w for w in (charset.warning,) if w]
        self._lines_before = lines_before

    def detected(self) -> Detected:
        """Return what was found."""
        self._take_separator_line()
        self._skip_given_lines()
        if "delimiter" not in self._given:
            refuse_drawn(self._text[:4096].split("\n"))
        choice = self._style()
        ahead = self._directives(choice)
        cut, layout = self._layout(choice)
        style = cut.style
        if not style.delimiter and "delimiter" not in self._given:
            refuse_aligned(cut.lines)
            refuse_uneven(cut.lines)
        if not (style.quote and style.delimiter) and "delimiter" not in self._given:
            refuse_packed(shape(self._text, Style("")))
        self._say_style(choice, cut, layout)
        found = self._found(style, layout) | self._named_ahead(ahead)
        if ahead and ahead.prefix:
            layout = replace(layout, evidence=(ahead.evidence,), header_doubt="")
        self._evidence += [line_ends(self._raw), *layout.evidence]
        self._warnings += layout.warnings
        if layout.header_doubt and "header_rows" not in self._given:
            self._warnings.append(layout.header_doubt)
        found |= self._decimal_mark(cut, layout) | self._null_markers(cut, style)
        if style.escape and "escape" not in self._given:
            self._warn_of_needless_escapes(style, has_codes=bool(found.get("has_escape_codes")))
        self._evidence += [
            f"{_KEYS.get(name, name)} {_stated(self._given[name])}: given"
            for name in self._stated
            if name != "encoding"
        ]
        return Detected(
            Dialect.from_dict(found | self._given),
            tuple(self._evidence),
            tuple(self._warnings),
            choice.confidence,
            tuple(str(rival.style) for rival in choice.rivals[:3]),
        )

    def _take_separator_line(self) -> None:
        """Believe a first line that names the delimiter."""
        match = _SEPARATOR_LINE.match(self._text)
        if not match:
            return
        self._text = self._text[match.end() :]
        self._lines_before += 1
        if "delimiter" not in self._given:
            self._given = {"delimiter": match["delimiter"]} | self._given
            self._evidence.append(f"delimiter {match['delimiter']!r}: line 1 says so, no record")

    def _skip_given_lines(self) -> None:
        skip = self._given.get("skip_lines")
        if isinstance(skip, int):
            parts = self._text.split("\n", skip - self._lines_before)
            self._text, self._lines_before = parts[-1], skip

    def _style(self) -> _Choice:
        names = frozenset({"delimiter", "quote", "escape"} & set(self._given))
        fields = {n: self._given[n] for n in names}
        style = Style(**({"delimiter": ","} | fields))  # type: ignore[arg-type]
        best, *others = ranked(self._text, style, names)
        rivals = [o for o in others if o.style.delimiter != best.style.delimiter and o.score > 0]
        return _Choice(best, rivals)

    def _directives(self, choice: _Choice) -> Directives | None:
        """Take off comment lines ahead of the table that only look like records."""
        if {"header_rows", "skip_lines", "comment"} & set(self._given):
            return None
        found = find_directives(self._text, choice.best.shape)
        if found:
            self._text = found.rest
            self._lines_before += found.lines
        return found

    def _named_ahead(self, ahead: Directives | None) -> dict[str, object]:
        """Return where the names of columns are, if a comment line has them."""
        if ahead is None or ahead.header_line is None:
            return {}
        return {
            "skip_lines": self._lines_before - ahead.lines + ahead.header_line,
            "header_rows": 1,
            "header_prefix": ahead.prefix,
            "comment": "#",
            "has_narrow_comments": False,
        }

    def _layout(self, choice: _Choice) -> tuple[Shape, Layout]:
        cut = shape(self._text, choice.best.style)
        layout = find_layout(cut, is_whole=self._is_whole, lines_before=self._lines_before)
        if layout.is_doubtful and "delimiter" not in self._given:
            # A line without the delimiter, then nothing but lines with one: text in one column.
            cut = shape(self._text, Style("", choice.best.style.quote, choice.best.style.escape))
            layout = find_layout(cut, is_whole=self._is_whole, lines_before=self._lines_before)
        return cut, layout

    def _say_style(self, choice: _Choice, cut: Shape, layout: Layout) -> None:
        style = cut.style
        widths = [w for w in cut.widths if w][layout.records_before :]
        width, count = cut.modal_width()
        if "delimiter" not in self._given:
            if style.delimiter:
                fields = f"{count:,} of {len(widths):,} records have {width} fields"
                rivals = [r for r in choice.rivals if r.style.delimiter]
                other = f"; {spread(rivals[0].shape)}" if rivals else ""
                self._evidence.append(f"delimiter {style.delimiter!r}: {fields}{other}")
            else:
                text = "no delimiter: no candidate parts the lines alike, so each is one field"
                self._evidence.append(text)
        if "quote" not in self._given:
            self._evidence.append(say_quote(cut))
        if style.escape and "escape" not in self._given:
            text = f"escape {style.escape!r}: with it, {count:,} records have {width} fields"
            self._evidence.append(text)
        if "quote" not in self._given:
            self._warn_of_open_quotes(cut)
        if style.delimiter and count < _MIN_MAJORITY * len(widths):
            self._warnings.append(
                f"only {count:,} of {len(widths):,} records have {width} fields, the most frequent "
                "number; is this the right delimiter and file?"
            )
        rivals = [] if "delimiter" in self._given else choice.rivals[:1]
        for rival in rivals:
            is_near = rival.score >= _NEAR * choice.best.score
            # A list within a cell parts records as well: into fewer fields, or not the names.
            is_less = rival.shape.modal_width()[0] < width or first_width(rival.shape) < 2
            is_list = count == len(widths) and is_less
            if is_near and not is_list and not _is_within(rival.style.delimiter, style.delimiter):
                text = f"{rival.style} fits nearly as well; set the delimiter to be sure"
                self._warnings.append(text)

    def _warn_of_open_quotes(self, cut: Shape) -> None:
        """Say so where quotes that nothing closes, or that closes records later, are in doubt."""
        quoted = cut if cut.style.quote else shape(self._text, replace(cut.style, quote='"'))
        if quoted.swallows_records:
            self._warnings.append(
                "quotes stand around ends and beginnings of full records only; "
                + ("they are read as text" if quoted is not cut else "each is read as one cell")
            )
        elif (opened := quoted.flaws) and not cut.style.quote and cut.style.delimiter != "\t":
            self._warnings.append(
                f"{opened} fields start with a quote that nothing closes; quotes are read as text"
            )

    def _warn_of_needless_escapes(self, style: Style, *, has_codes: bool) -> None:
        """Say so where a backslash escapes what needs none, and is left out all the same."""
        known = {style.escape, style.quote, *style.delimiter, "\n", "N"}
        known |= set(ESCAPE_CODES) if has_codes else set()
        escaped = re.finditer(re.escape(style.escape or "") + "(.)", self._text, re.DOTALL)
        needless = next((m[0] for m in escaped if m[1] not in known), None)
        if needless:
            self._warnings.append(
                f"cells have {needless}, of which {needless[1:]!r} is read: {style.escape!r} is "
                "the escape before quotes and delimiters. Set escape if it is not"
            )

    def _found(self, style: Style, layout: Layout) -> dict[str, object]:
        return {
            "encoding": self._charset.name,
            "delimiter": style.delimiter,
            "quote": style.quote,
            "escape": style.escape,
            "skip_lines": layout.skip_lines,
            "header_rows": layout.header_rows,
            "comment": layout.comment,
            "has_narrow_comments": bool(layout.comment) and "comment" not in self._given,
            "has_row_names": layout.has_row_names,
            "has_trailing_delimiter": layout.has_trailing_delimiter,
            "trailer": layout.trailer,
        }

    def _decimal_mark(self, cut: Shape, layout: Layout) -> dict[str, object]:
        """Find a decimal comma: a column of nothing else, and no column with points."""
        if cut.style.delimiter == "," or "decimal_mark" in self._given:
            return {}
        evidence = decimal_comma(cut, layout.header_rows)
        self._evidence += [evidence] if evidence else []
        return {"decimal_mark": ","} if evidence else {}

    def _null_markers(self, cut: Shape, style: Style) -> dict[str, object]:
        if "null_markers" in self._given:
            return {}
        cells = (c for i in range(min(len(cut.lines), _NULL_RECORDS)) for c in cut.cells(i))
        count = sum(cell == "\\N" for cell in cells)
        if not count:
            return {}
        self._evidence.append(f"NULL is written as \\N, in {count} of the first cells")
        return {"null_markers": ("\\N",), "has_escape_codes": style.escape == "\\"}


def _stated(value: object) -> str:
    """Return a value as a table file has it."""
    if isinstance(value, tuple):
        return ", ".join(" ".join(v) if isinstance(v, tuple) else repr(v) for v in value)
    return "none" if value is None else repr(value)


def _is_within(one: str, other: str) -> bool:
    return not one or not other or one in other or other in one
