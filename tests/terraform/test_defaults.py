"""What the catalog takes where a file says nothing is what the product takes."""

import re
from pathlib import Path

import pytest

from shared import registry
from shared.config.connections import PostgresConnection, SnowflakeConnection, SqlServerConnection
from shared.core import deliveries

CATALOG = Path("terraform/modules/catalog")
MODELS = {
    "snowflake": (SnowflakeConnection, "private_key_secret"),
    "postgres": (PostgresConnection, "password_secret"),
    "sqlserver": (SqlServerConnection, "password_secret"),
}


def written(file: str, name: str) -> dict[str, str]:
    """Return a map of one line of the catalog."""
    (line,) = re.findall(rf"^ +{name} += {{ (.*) }}$", (CATALOG / file).read_text(), re.MULTILINE)
    return dict(re.findall(r'(\w+) = "?([\w-]+)"?', line))


def test_secrets_are_named_as_the_connections_name_them() -> None:
    expected = {kind: model.model_fields[key].default for kind, (model, key) in MODELS.items()}

    assert written("secrets.tf", "default_secrets") == expected


@pytest.mark.parametrize("kind", ["postgres", "sqlserver"])
def test_a_target_has_as_many_connections_as_its_model_says(kind: str) -> None:
    default = MODELS[kind][0].model_fields["max_connections"].default

    assert written("functions.tf", "default_budget")[kind] == str(default)


def test_the_database_in_sql_server_is_that_of_the_connection() -> None:
    (name,) = re.findall(
        r"connections\.sqlserver\.database\), \"(\w+)\"", Path("terraform/targets.tf").read_text()
    )

    assert name == SqlServerConnection.model_fields["database"].default


def test_every_target_of_the_product_is_known() -> None:
    (line,) = re.findall(r"target_kinds = \[(.*)\]", (CATALOG / "tables.tf").read_text())

    assert set(registry.TARGETS) <= set(re.findall(r"\w+", line))


def test_messages_of_jobs_have_the_version_of_the_product() -> None:
    (version,) = re.findall(r"message_version = (\d+)", (CATALOG / "jobs.tf").read_text())

    assert version == str(deliveries.VERSION)
