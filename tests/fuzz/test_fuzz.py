"""A share of the files that ``make fuzz`` tries, always the same ones."""

from pathlib import Path

from tests.fuzz.trying import tried

SEED = 20261121
FILES = 300


def test_changed_files_are_read_and_accounted_for_or_refused(tmp_path: Path) -> None:
    findings = tried(SEED, FILES, tmp_path)

    assert not findings.broken
    assert findings.files == FILES
    assert findings.outcomes["rows"] > FILES / 10
    assert findings.outcomes["rejects"] > FILES / 10
    assert set(findings.outcomes) == {"rows", "rejects", "refused"}
