"""One round of files in a child process: little memory, little time, and crashes are survived."""

import json
import resource
import signal
import subprocess
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

MEMORY_BYTES = 3 * 2**30
"""Address space, most of which allocators only reserve."""
DEADLINE_S = 20.0
"""For one file, read about five times: milliseconds, but for those of thousands of columns."""


@dataclass
class Findings:
    """What became of the files of some rounds."""

    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """Why a promise was broken, and where the file is."""

    def __add__(self, other: "Findings") -> "Findings":
        return Findings(
            self.files + other.files, self.outcomes + other.outcomes, self.broken + other.broken
        )

    def __str__(self) -> str:
        shown = ", ".join(f"{name}: {count:,}" for name, count in sorted(self.outcomes.items()))
        return "\n".join((f"{self.files:,} files; {shown}", *self.broken))


def tried(seed: int, files: int, folder: Path) -> Findings:
    """Try the files of a seed in a process of their own."""
    current = folder / f"seed-{seed}.csv"
    command = (sys.executable, "-m", "tests.fuzz.trying", str(seed), str(files), str(current))
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = child.stdout.splitlines()
    if child.returncode == 0 and lines:
        current.unlink(missing_ok=True)
        counts = json.loads(lines[-1])
        return Findings(sum(counts.values()), Counter(counts))
    if child.returncode == -signal.SIGALRM:
        why = f"took more than {DEADLINE_S} s"
    elif child.returncode < 0:
        why = f"ended the process by signal {-child.returncode}"
    else:
        why = child.stderr.strip()
    return Findings(1, broken=[f"{current}: {why}"])


def _try_all(seed: int, files: int, current: Path) -> None:
    from tests.fuzz.checking import check
    from tests.fuzz.mutating import mutated, seeds

    known = seeds()
    outcomes: Counter[str] = Counter()
    for number in range(files):
        random = Random(f"{seed}-{number}")
        content = mutated(random, known)
        current.write_bytes(content)
        signal.setitimer(signal.ITIMER_REAL, DEADLINE_S)
        outcomes[check(content, random)] += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stdout.write(json.dumps(outcomes) + "\n")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        _try_all(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    except BaseException:  # noqa: BLE001 - whatever it is, it is the finding
        traceback.print_exc()
        sys.exit(1)
