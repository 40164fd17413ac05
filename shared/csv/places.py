"""Where in the file something is: lines as editors count them, bytes of the file's own encoding."""

from dataclasses import dataclass, replace

from shared.csv.encodings import Transcoder
from shared.csv.marks import Marks


@dataclass(slots=True)
class Place:
    """A position that only moves on."""

    transcoder: Transcoder
    line: int = 1
    byte_offset: int = 0
    is_after_return: bool = False
    text_bytes: int = 0
    """The same place in the file's text in UTF-8."""

    def advance(self, text: bytes, marks: Marks) -> None:
        """Move past a piece of text."""
        raw = marks.decode(text)
        # A text may have been parted between the two bytes of one line end.
        self.line += count_lines(raw) - (self.is_after_return and raw.startswith(b"\n"))
        self.is_after_return = raw.endswith(b"\r") if raw else self.is_after_return
        shift = self.transcoder.shift(self.text_bytes)
        self.text_bytes += len(raw)
        shift = self.transcoder.shift(self.text_bytes) - shift
        self.byte_offset += self.transcoder.source_bytes(raw) + shift

    def copy(self) -> "Place":
        """Return a position that moves on by itself."""
        return replace(self)


def count_lines(text: bytes) -> int:
    """Count line ends: LF, CR LF, and CR by itself."""
    if b"\r" not in text:
        return text.count(b"\n")
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
