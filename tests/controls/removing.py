"""Security controls, each taken out of a copy of the project, and the test that must notice.

A test that passes without the control it names proves nothing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("shared", "local", "functions", "tests", "docs", "config", "terraform")
FILES = ("pyproject.toml", "Makefile", "README.md")
TIMEOUT_S = 300
FAILED = 1
"""What pytest ends with when a test failed. Source: pytest, "Exit codes"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control: where it is, what takes its place, and the test that proves it."""

    name: str
    file: str
    code: str
    """Stands once in the file."""
    removed: str
    test: str
    """Below ``tests/``, as docs/security.md names it."""


CONTROLS = (
    Control(
        name="who pushes is verified",
        file="shared/entrypoint.py",
        code='            pushes().verify(headers.get("Authorization"), headers.get(INSTEAD))\n',
        removed="",
        test="unit/test_pushes.py::test_a_push_without_a_token_is_refused_unread",
    ),
    Control(
        name="only Pub/Sub's account pushes",
        file="shared/pushes.py",
        code="if email != self._account:",
        removed="if not email:",
        test="unit/test_pushes.py::test_a_push_of_another_account_is_refused",
    ),
    Control(
        name="signatures of tokens are verified",
        file="shared/tokens.py",
        code="if self._is_checked_in_front and not has_signature:",
        removed="if has_signature or self._is_checked_in_front:",
        test="unit/test_tokens.py::test_a_token_of_another_key_is_refused",
    ),
    Control(
        name="a caller's role is asked for",
        file="shared/api/access.py",
        code="if not principal.role.covers(wanted):",
        removed="if principal is None:",
        test="unit/api/test_asking.py::test_readers_may_not_ask_for_anything",
    ),
    Control(
        name="keys are kept as hashes",
        file="shared/core/access.py",
        code="return hashlib.sha256(token.encode()).hexdigest()",
        removed="return token",
        test="unit/api/test_access.py::test_nothing_that_is_kept_opens_anything",
    ),
    Control(
        name="names are quoted",
        file="shared/targets/postgres/identifiers.py",
        code="""name.replace('"', '""')""",
        removed="name",
        test=(
            "unit/security/test_names.py::test_a_name_is_one_identifier_to_the_engine_or_refused"
        ),
    ),
    Control(
        name="errors quote no values",
        file="shared/targets/postgres/connection.py",
        code="message = _VALUE.sub('\"…\"', message)",
        removed="pass",
        test="unit/security/test_leaks.py::test_postgres_does_not_quote_a_value",
    ),
    Control(
        name="sensitive values are masked",
        file="shared/checks/inspection.py",
        code="self._masked = config.sensitive",
        removed="self._masked = frozenset()",
        test=(
            "unit/checks/test_inspection.py::"
            "test_sample_shows_key_and_checked_columns_and_masks_sensitive_ones"
        ),
    ),
    Control(
        name="staged parts are what the manifest says",
        file="shared/stage/reader.py",
        code="if len(data) != part.size_bytes or digest != part.sha256:",
        removed="if not data:",
        test=(
            "unit/security/test_staged_parts.py::"
            "test_a_part_that_was_changed_is_refused_before_its_first_row"
        ),
    ),
    Control(
        name="bombs are refused",
        file="shared/csv/unpacking.py",
        code="if size > FREE_BYTES and size > MAX_RATIO * packed.size_bytes:",
        removed="if size < 0:",
        test="unit/security/test_bounds.py::test_a_bomb_is_refused_with_the_ratio",
    ),
)
"""The ten that matter most of those in the table of docs/security.md."""


def copied(project: Path, folder: Path) -> Path:
    """Copy what tests need of a project into a folder, and return the copy."""
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", ".terraform")
        shutil.copytree(project / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy2(project / name, folder / name)
    return folder


def remove(control: Control, copy: Path) -> str:
    """Take a control out of a copy; return the file as it was.

    Raises:
        LookupError: the control is not where it should be.
    """
    path = copy / control.file
    text = path.read_text()
    if text.count(control.code) != 1:
        raise LookupError(f"{control.name}: not found once in {control.file}: {control.code}")
    path.write_text(text.replace(control.code, control.removed))
    return text


def passes(tests: Sequence[str], copy: Path) -> bool:
    """Run tests of a copy with the copy's own code; say whether they pass.

    Raises:
        RuntimeError: they could not be run.
    """
    # Bytecode of the file as it was would be taken for that of the changed one.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *(f"tests/{test}" for test in tests)],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode not in (0, FAILED):
        raise RuntimeError(f"the tests did not run:\n{done.stdout}{done.stderr}")
    return done.returncode == 0


def is_noticed(control: Control, copy: Path) -> bool:
    """Take a control out, run its test, and put it back; say whether the test failed."""
    text = remove(control, copy)
    try:
        return not passes([control.test], copy)
    finally:
        (copy / control.file).write_text(text)
