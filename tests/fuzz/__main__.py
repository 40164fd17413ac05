"""Ever new files for the CSV reader, until one breaks a promise: ``make fuzz MINUTES=10``.

Files are made and read in a process of their own, with little memory and little time for each. One
that crashes, hangs or breaks a promise is kept in the folder that is printed, and ends the run.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom

from tests.fuzz.trying import Findings, tried

ROUND_FILES = 2_000


def main() -> int:
    """Try files until the time is over; 1 when one broke a promise."""
    options = _options()
    folder = Path(options.keep or tempfile.mkdtemp(prefix="sluice-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    until_s = time.monotonic() + options.minutes * 60
    findings = Findings()
    while not findings.broken and (not findings.files or time.monotonic() < until_s):
        seed = options.seed or SystemRandom().getrandbits(32)
        findings += tried(seed, ROUND_FILES, folder)
        sys.stdout.write(f"{findings}\n")
        sys.stdout.flush()
        if options.seed:
            break
    return 1 if findings.broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="begin no round after so long")
    parser.add_argument("--seed", type=int, help="try the files of this seed and no others")
    parser.add_argument("--keep", help="folder for files that break a promise")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
