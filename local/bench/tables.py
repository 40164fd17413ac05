"""Tables of the report, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Title, what it is about, and its cells; the first column is a name or a number."""

    title: str
    about: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return it as a section of a page."""
        lines = [f"| {' | '.join(row)} |" for row in (self.heads, *self.rows)]
        lines.insert(1, f"| --- |{' ---: |' * (len(self.heads) - 1)}")
        return f"## {self.title}\n\n{self.about}\n\n" + "\n".join(lines) + "\n"
