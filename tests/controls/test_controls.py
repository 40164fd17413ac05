"""The controls that ``make mutate-controls`` takes out are there."""

from pathlib import Path

import pytest

from tests.controls.removing import CONTROLS, Control, remove


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_control_is_where_it_is_taken_out(control: Control, tmp_path: Path) -> None:
    path = tmp_path / control.file
    path.parent.mkdir(parents=True)
    path.write_text(Path(control.file).read_text())

    before = remove(control, tmp_path)

    assert path.read_text() != before
    compile(path.read_text(), control.file, "exec")
