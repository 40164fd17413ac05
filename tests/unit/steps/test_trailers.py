"""Files whose table promises a trailer: whole ones need it, rejected rows sent again do not."""

import pytest

from shared import csv
from shared.config.csv_files import CsvFiles
from shared.core.runs import RunState
from shared.core.schemas import Column, DataType, TableSchema
from shared.errors import InvalidFileError
from shared.steps.attempts import Work
from shared.steps.rejects import Rejects
from shared.storage import ObjectInfo
from tests.builders import an_attempt
from tests.unit.steps.lake import NOW, Lake

SCHEMA = TableSchema((Column(name="a", type=DataType.parse("int64")),))
RULES = CsvFiles(trailer="TRL")


def require(
    content: bytes, *, again: bool = False, rules: CsvFiles = RULES, is_quoting: bool = True
) -> None:
    """Read a file as an intake does, and look for its trailer."""
    lake = Lake()
    run = lake.run(RunState.EXTRACTING)
    work = Work(lake.services, run, an_attempt(), is_leased=False)
    name = f"people/rejects-of-{run.run_id}-0a1b2c3d.csv" if again else "people/one.csv"
    file = ObjectInfo(
        bucket="acme-landing", name=name, generation=1, size_bytes=len(content), created_at=NOW
    )
    with Rejects(work, file, is_quoting=is_quoting) as rejects:
        dialect = csv.Dialect(trailer="TRL")
        for _ in rejects.sift(csv.read([content], dialect, SCHEMA)):
            pass
        rejects.require_trailer(rules, dialect)


def test_file_that_ends_without_its_trailer_is_refused() -> None:
    with pytest.raises(InvalidFileError, match=r"people/one.csv does not start with 'TRL'"):
        require(b"a\n1\n2\n")


@pytest.mark.parametrize(("content", "again"), [(b"a\n1\nTRL1\n\n", False), (b"a\n1\n", True)])
def test_file_with_its_trailer_and_rejected_rows_without_are_taken(
    content: bytes, again: bool
) -> None:
    require(content, again=again)


@pytest.mark.parametrize("is_quoting", [True, False])
def test_file_that_ends_without_the_trailer_of_the_contract_is_refused(is_quoting: bool) -> None:
    with pytest.raises(InvalidFileError, match="sluice contract people --lift") as caught:
        require(b"a\n1\n2\n", rules=CsvFiles(), is_quoting=is_quoting)

    assert ("TRL" in str(caught.value)) is is_quoting
