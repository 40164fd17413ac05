"""The controls that ``make mutate-controls`` takes out are there, and it can tell."""

from pathlib import Path

import pytest

from tests.controls.removing import CONTROLS, Control, copied, is_noticed, passes, remove

SAMPLE = CONTROLS[1]
"""The cheapest of them."""


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_control_is_where_it_is_taken_out(control: Control, tmp_path: Path) -> None:
    path = tmp_path / control.file
    path.parent.mkdir(parents=True)
    path.write_text(Path(control.file).read_text())

    before = remove(control, tmp_path)

    assert path.read_text() != before
    compile(path.read_text(), control.file, "exec")


def test_taking_a_control_out_fails_its_test_and_nothing_else_does(tmp_path: Path) -> None:
    copy = copied(Path.cwd(), tmp_path)

    assert passes([SAMPLE.test], copy)
    assert is_noticed(SAMPLE, copy)
    assert (copy / SAMPLE.file).read_text() == Path(SAMPLE.file).read_text()
