"""Cost and freshness of tables that the real functions moved, as the command line says them."""

import json

from shared.core.runs import RunState
from tests.flow.cloud import Cloud


def test_cost_of_a_table_counts_what_its_runs_asked_for(cloud: Cloud) -> None:
    cloud.source("CREATE TABLE {db}.COSTED (ID NUMBER(9,0), PRIMARY KEY (ID))")
    cloud.source("INSERT INTO {db}.COSTED VALUES (1), (2), (3)")
    cloud.configure("costed", schedule="hourly", freshness={"max_age": "2h"})
    run = cloud.run("costed")
    assert run.state is RunState.COMMITTED

    said = json.loads(cloud.sluice("cost", "--table", "costed", "--json").stdout)

    taken = said["runs"][run.run_id]
    assert taken == {**said["total"], "runs": 1}
    assert taken["storage_writes"] >= 6
    assert taken["storage_reads"] >= 4
    assert taken["messages"] == 2
    assert taken["source_s"] > 0
    assert taken["total_usd"] > 0

    fresh = cloud.sluice("freshness", "costed", "--json")
    assert fresh.returncode == 0
    found = json.loads(fresh.stdout)["costed"]
    assert found["is_kept"]
    assert (found["max_age_s"], found["late_s"]) == (7_200.0, 0.0)
