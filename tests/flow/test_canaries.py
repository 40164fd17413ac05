"""Known secrets are everywhere in a cloud, and in nothing that it writes, logs or prints."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.core.access import new_token
from shared.core.runs import RunState
from shared.stage.envelope import KEY_SECRET
from tests.flow.cloud import Cloud

SECRET_PLACES = ("control/secrets/", "postgres-password", "api-key", "cloud.json", "postgres/")
"""What of a cloud's folder holds secrets on purpose, or is the database itself."""

PLANTED = {
    "planted-password": "canary-9d1f'\";{}$%&=\\n-password",
    "planted-private-key": "-----BEGIN PRIVATE KEY-----\ncanary-3b7e-private-key\n",
}


WRONG_KEY = new_token()


@pytest.fixture(scope="module")
def printed(cloud: Cloud) -> list[str]:
    """Move tables with good secrets and with planted ones; return all that commands print."""
    for name, value in PLANTED.items():
        plant(cloud, name, value)
    snowflake = cloud.connections().snowflake
    assert snowflake
    wrong = {
        "canary_password": cloud.connections(password_secret="planted-password"),
        "canary_key": cloud.connections().model_copy(
            update={
                "snowflake": snowflake.model_copy(
                    update={"private_key_secret": "planted-private-key"}
                )
            }
        ),
    }
    cloud.source("CREATE TABLE {db}.CANARIES AS SELECT 1 AS ID, 'x' AS NAME")
    place = {"database": "TESTS", "schema": "PUBLIC", "table": "CANARIES"}
    cloud.configure("canary_well", snowflake=place, encryption=True, primary_key=["id"])
    for name, connections in wrong.items():
        cloud.configure(name, snowflake=place, connections=connections)
    runs = [cloud.run(name) for name in ("canary_well", *wrong)]
    assert [run.state for run in runs] == [RunState.COMMITTED, RunState.FAILED, RunState.FAILED]
    commands = [
        ("doctor",),
        ("audit", "show", "-", "--json"),
        ("metadata", "canary_password"),
        ("metadata", "canary_key"),
    ]
    done = [cloud.sluice(*command) for command in commands]
    return [each.stdout + each.stderr for each in done] + list(answers(cloud))


def plant(cloud: Cloud, name: str, value: str) -> None:
    """Make a secret."""
    secrets = cloud.services.secrets
    parent = f"projects/{cloud.services.settings.project}"
    secret = {"replication": {"automatic": {}}}
    secrets._connect().create_secret(
        request={"parent": parent, "secret_id": name, "secret": secret}
    )
    secrets.add(name, value.encode())


def answers(cloud: Cloud) -> Iterator[str]:
    """Yield what the API answers to its key, and to one that it does not know."""
    key = (cloud.state_dir / "api-key").read_text()
    port = cloud.background.described["services"]["api"]["port"]
    for token in (key, WRONG_KEY):
        for path in ("tables", "runs?table=canary_key", "nothing"):
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/api/v1/{path}",
                headers={"authorization": f"Bearer {token}"},
            )
            try:
                with urllib.request.urlopen(request, timeout=30) as reply:
                    yield f"{reply.headers}{reply.read().decode()}"
            except urllib.error.HTTPError as refused:
                with refused:
                    yield f"{refused.headers}{refused.read().decode()}"


def canaries(cloud: Cloud) -> dict[str, bytes]:
    """Return what must be found nowhere: every secret that the cloud has, in all usual forms."""
    secrets = cloud.services.secrets
    found = {name: value.encode() for name, value in PLANTED.items()}
    found["postgres-password"] = secrets.get("postgres-password").reveal()
    found["api key"] = (cloud.state_dir / "api-key").read_bytes().strip()
    found["unknown api key"] = WRONG_KEY.encode()
    pem = secrets.get("snowflake-private-key").reveal().splitlines()
    found["private key"] = pem[len(pem) // 2]
    for version in secrets.versions(KEY_SECRET):
        value = secrets.get(f"{KEY_SECRET}:{version.number}").reveal()
        found[f"{KEY_SECRET} {version.number}"] = value
        found[f"{KEY_SECRET} {version.number}, raw"] = bytes.fromhex(value.decode())
    (run,) = cloud.runs("canary_well")
    manifest = cloud.services.manifests.find("canary_well", run.run_id)
    assert manifest
    for part in manifest.parts:
        assert part.key
        data_key = cloud.services.envelope.open_key(part.name, part.key, lambda: None)
        found |= {"data key": data_key, "data key, hex": data_key.hex().encode()}
    texts = {f"{name}, base64": base64.b64encode(value) for name, value in found.items()}
    quoted = {f"{name}, JSON": json.dumps(v)[1:-1].encode() for name, v in PLANTED.items()}
    return found | texts | quoted


def written(cloud: Cloud) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the cloud: objects with their metadata, messages, logs."""
    for path in cloud.state_dir.rglob("*"):
        place = str(path.relative_to(cloud.state_dir))
        if path.is_file() and not place.startswith(SECRET_PLACES):
            yield place, path.read_bytes()
    for name, service in cloud.background.described["services"].items():
        yield f"log of {name}", Path(service["log"]).read_bytes()


def test_no_secret_is_in_anything_that_is_printed(cloud: Cloud, printed: list[str]) -> None:
    text = "\n".join(printed).encode()

    found = [name for name, value in canaries(cloud).items() if value in text]

    assert found == []


def test_no_secret_is_in_any_object_record_message_or_log(cloud: Cloud, printed: list[str]) -> None:
    known = canaries(cloud)

    found = {
        (name, place)
        for place, data in written(cloud)
        for name, value in known.items()
        if value in data
    }

    assert found == set()


def test_what_is_searched_has_what_is_looked_for(cloud: Cloud, printed: list[str]) -> None:
    searched = b"\n".join(data for _, data in written(cloud))

    for word in (b"canary_well", b"planted-private-key", b"sluice_key_id", b"run.committed"):
        assert word in searched, word
    assert "planted-password" in "\n".join(printed)
    assert "canary_key" in printed[-6]
