"""Which secrets a table needs."""

from shared.config.tables import ResolvedTable
from shared.doctor.secret_values import names


def table(**config: object) -> ResolvedTable:
    """Return a table of files in PostgreSQL, with connections to both ends."""
    return ResolvedTable.model_validate(
        {
            "environment": "dev",
            "table": {"name": "a", "postgres": {"table": "a"}, **config},
            "connections": {
                "snowflake": {"account": "a", "user": "u", "private_key_secret": "key"},
                "postgres": {"host": "h", "password_secret": "pass"},
            },
        }
    )


def test_a_table_of_files_needs_its_targets_secret_alone() -> None:
    assert set(names(table(csv={}, sync_mode="append"))) == {"pass"}


def test_an_encrypted_table_of_snowflake_needs_all_three() -> None:
    place = {"database": "D", "schema": "S", "table": "T"}

    assert set(names(table(snowflake=place, encryption=True))) == {"key", "pass", "staging-key"}


def test_a_table_with_hashed_columns_needs_their_key_and_one_with_masks_does_not() -> None:
    files = {"csv": {}, "sync_mode": "append"}
    masked = {"protect": "mask", "keep_last": 2}

    hashed = table(**files, columns={"mail": {"protect": "hash"}, "card": masked})

    assert set(names(hashed)) == {"pass", "protection-key"}
    assert set(names(table(**files, columns={"card": masked}))) == {"pass"}
