"""Keys and passwords that change while tables are moved: nothing is deployed or staged again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from shared.core import naming
from shared.core.manifests import Manifest, WrappedKey
from shared.core.messages import LoadRequest
from shared.core.runs import RunState
from shared.stage.envelope import KEY_SECRET
from shared.wire import to_json
from tests.flow.cloud import Cloud
from tests.flow.test_bad_input import ACKNOWLEDGED, back_to_staged

ROLE = "rotating"


def test_parts_stay_readable_through_a_rotation_and_are_not_written_again(cloud: Cloud) -> None:
    cloud.source(
        "CREATE TABLE {db}.ROTATED AS SELECT SEQ4() AS ID FROM TABLE(GENERATOR(ROWCOUNT => 9))"
    )
    cloud.configure("rotated", encryption=True, primary_key=["id"])
    run = cloud.run("rotated")
    staging = cloud.services.settings.bucket("staging")
    manifest = cloud.services.manifests.find("rotated", run.run_id)
    assert manifest
    before = cloud.services.storage.info(staging, manifest.parts[0].name)
    first = max(v.number for v in cloud.services.secrets.versions(KEY_SECRET))

    rotated = json.loads(cloud.sluice("keys", "rotate", "--json").stdout)

    after = cloud.services.storage.info(staging, manifest.parts[0].name)
    assert before
    assert after
    key = WrappedKey.noted(after.metadata)
    assert rotated["version"] == first + 1
    assert rotated["failed"] == []
    assert replace(after, metadata={}) == replace(before, metadata={})
    assert key
    assert key.key_id == f"{KEY_SECRET}:{first + 1}"
    with disabled(cloud, first):
        verified = cloud.sluice("verify", "rotated", "--full", "--as-of", run.run_id)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def put_in_place(cloud: Cloud, manifest: Manifest, foreign: Manifest) -> None:
    """Put another run's part into a run's place, with a manifest that says it belongs there."""
    storage, staging = cloud.services.storage, cloud.services.settings.bucket("staging")
    part, other = manifest.parts[0], foreign.parts[0]
    data = storage.download(staging, other.name, other.generation)
    assert data
    generation = storage.write(
        staging, part.name, data, generation=part.generation, content_type="text/plain"
    )
    forged = replace(manifest, parts=(replace(other, name=part.name, generation=generation),))
    name = naming.manifest_object(manifest.table, manifest.run_id)
    found = storage.read(staging, name)
    assert found
    storage.write(
        staging, name, to_json(forged), generation=found[1], content_type="application/json"
    )


@contextmanager
def disabled(cloud: Cloud, version: int) -> Iterator[None]:
    """Disable a version of the key for a while."""
    secrets = cloud.services.secrets
    path = f"{secrets._path(KEY_SECRET)}/versions/{version}"
    secrets.disable(KEY_SECRET, version)
    try:
        yield
    finally:
        secrets._connect().enable_secret_version(request={"name": path})


def test_part_of_another_table_is_quarantined_though_its_manifest_was_forged(cloud: Cloud) -> None:
    for name in ("forged", "foreign"):
        cloud.source(f"CREATE TABLE {{db}}.{name.upper()} AS SELECT 1 AS ID")
        cloud.configure(name, encryption=True)
    run, other = cloud.run("forged"), cloud.run("foreign")
    manifests = cloud.services.manifests
    manifest, foreign = (
        manifests.find("forged", run.run_id),
        manifests.find("foreign", other.run_id),
    )
    assert manifest
    assert foreign
    for table in ("loads", "state"):
        cloud.target(f"DELETE FROM _sluice.{table} WHERE table_name = 'forged'")
    cloud.target("DROP TABLE forged")
    put_in_place(cloud, manifest, foreign)
    back_to_staged(cloud, run)

    status = cloud.push("load", LoadRequest(table="forged", run_id=run.run_id).encode())

    ended = cloud.services.ledger.find("forged", run.run_id)
    assert status == ACKNOWLEDGED
    assert ended
    assert ended.failure
    assert (ended.state, ended.failure.error) == (RunState.QUARANTINED, "IntegrityError")
    assert cloud.target("SELECT to_regclass('public.forged') IS NULL") == [(True,)]


def test_password_is_changed_without_a_deployment_in_either_order(cloud: Cloud) -> None:
    cloud.target(f"CREATE ROLE {ROLE} LOGIN SUPERUSER PASSWORD 'one'")
    secrets = cloud.services.secrets
    secret = {"replication": {"automatic": {}}}
    parent = f"projects/{cloud.services.settings.project}"
    secrets._connect().create_secret(
        request={"parent": parent, "secret_id": f"{ROLE}-password", "secret": secret}
    )
    secrets.add(f"{ROLE}-password", b"one")
    cloud.source("CREATE TABLE {db}.LOGGED_IN AS SELECT 1 AS ID")
    connections = cloud.connections(user=ROLE, password_secret=f"{ROLE}-password")
    cloud.configure("logged_in", connections=connections)
    ended = [cloud.run("logged_in")]

    cloud.target(f"ALTER ROLE {ROLE} PASSWORD 'two'")
    secrets.add(f"{ROLE}-password", b"two")
    ended.append(cloud.run("logged_in"))
    secrets.add(f"{ROLE}-password", b"three")
    ended.append(cloud.run("logged_in"))

    assert [(run.state, run.failure) for run in ended] == [(RunState.COMMITTED, None)] * 3
