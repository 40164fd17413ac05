"""Files that libFuzzer finds by the code they reach: ``make fuzz-guided MINUTES=10``.

The same check as ``make fuzz``, on bytes that coverage guides instead of chance. It starts from the
corpus; what breaks a promise, takes too long or too much memory is kept in the folder that is
printed, and ends the run.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random
from zlib import crc32

import atheris

with atheris.instrument_imports(include=["shared.csv"]):
    from tests.fuzz.checking import check
    from tests.fuzz.mutating import MAX_BYTES, TOKENS, seeds

DEADLINE_S = 20
MEMORY_MB = 2_048


def try_one(content: bytes) -> None:
    """Check one file; how it is read is derived from its bytes, so that a finding repeats."""
    outcome = check(content, Random(crc32(content)))
    assert outcome != "refused without a reason", "a refusal says nothing"


def main() -> None:
    """Try files until the time is over; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--keep", help="folder for found files")
    parser.add_argument("file", nargs="?", help="try this file only")
    options = parser.parse_args()
    if options.file:
        try_one(Path(options.file).read_bytes())
        return
    folder = Path(options.keep or tempfile.mkdtemp(prefix="sluice-fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(content)
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in sorted(set(TOKENS))))
    sys.stdout.write(f"files are kept in {folder}\n")
    sys.stdout.flush()
    arguments = (
        f"-max_total_time={int(options.minutes * 60)}",
        f"-timeout={DEADLINE_S}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-max_len={MAX_BYTES}",
        f"-dict={words}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        str(corpus),
    )
    atheris.Setup([sys.argv[0], *arguments], try_one)
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    """Write bytes as libFuzzer's dictionaries have them."""
    return "".join(f"\\x{byte:02X}" for byte in token)


if __name__ == "__main__":
    main()
