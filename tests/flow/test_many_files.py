"""A hundred files in one second: each is taken in once, and accounted for."""

import time
from concurrent.futures import ThreadPoolExecutor

from shared.core.runs import RunState
from tests.flow.cloud import Cloud

FILES = 100
LIMIT_S = 180.0


def test_a_hundred_files_at_once_are_all_accounted_for(cloud: Cloud) -> None:
    columns = {"file": "int64", "row": "int64"}
    cloud.configure("crowd", sync_mode="append", csv={"columns": columns})

    def drop(number: int) -> None:
        content = f"file,row\n{number},1\n{number},2\n".encode()
        cloud.upload(f"crowd/{number}.csv", content)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(drop, range(FILES)))
    deadline_s = time.monotonic() + LIMIT_S
    while sum(r.is_terminal for r in cloud.runs("crowd")) < FILES:
        assert time.monotonic() < deadline_s, [r for r in cloud.runs("crowd") if not r.is_terminal]
        time.sleep(1)

    assert [r.state for r in cloud.runs("crowd")] == [RunState.COMMITTED] * FILES
    expected = [(number, row) for number in range(FILES) for row in (1, 2)]
    assert cloud.target("SELECT file, row FROM crowd ORDER BY file, row") == expected
