"""Verdicts on their way: a matrix that was interrupted goes on where it stopped."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.crash.matrix import Case, Verdict


class Journal:
    """A file with a line for each case that was played; only cases that ended well are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def clear(self) -> None:
        """Begin anew."""
        self._path.unlink(missing_ok=True)

    def read(self, cases: Iterable[Case]) -> list[Verdict]:
        """Return the verdicts of cases that ended well before."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        known = {line["case"]: line for line in map(json.loads, lines)}
        found = ((case, known.get(str(case))) for case in cases)
        return [
            Verdict(case=case, troubles={}, is_absorbed=line["absorbed"], litter=line["litter"])
            for case, line in found
            if line
        ]

    def written(self, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
        """Yield verdicts, each noted first."""
        with self._path.open("a") as file:
            for verdict in verdicts:
                if not verdict.troubles:
                    line = {"case": str(verdict.case), "absorbed": verdict.is_absorbed}
                    file.write(json.dumps({**line, "litter": verdict.litter}) + "\n")
                    file.flush()
                yield verdict
