"""Where in the file something is: lines as editors count them, bytes of the file's own encoding."""

from dataclasses import dataclass

from shared.csv.encodings import Transcoder
from shared.csv.marks import Marks


@dataclass(slots=True)
class Place:
    """A position that only moves on."""

    transcoder: Transcoder
    line: int = 1
    byte_offset: int = 0

    def advance(self, text: bytes, marks: Marks) -> None:
        """Move past a piece of text."""
        raw = marks.decode(text)
        self.line += count_lines(raw)
        self.byte_offset += self.transcoder.source_bytes(raw)

    def copy(self) -> "Place":
        """Return a position that moves on by itself."""
        return Place(self.transcoder, self.line, self.byte_offset)


def count_lines(text: bytes) -> int:
    """Count line ends: LF, CR LF, and CR by itself."""
    if b"\r" not in text:
        return text.count(b"\n")
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
