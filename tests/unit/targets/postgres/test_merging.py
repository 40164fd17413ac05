"""Every statement of a merge by key in PostgreSQL, word for word."""

from collections.abc import Sequence

import pytest

from shared.core.schemas import Column
from shared.targets.postgres import merging
from shared.targets.relational.merging import Merge, MergeStatements
from tests.builders import a_column

COLUMNS = [
    a_column("id", "int64", is_nullable=False),
    a_column("Price", "decimal(18,4)"),
    a_column("facts", "json"),
]
AT = "t.ctid = d.is_at AND t.tableoid = d.piece"
PLACES = "SELECT t.tableoid AS piece, t.ctid AS is_at, s.ctid AS staged_at"
BOTH = "t.ctid IS NOT NULL AND s.ctid IS NOT NULL"


def a_merge(
    columns: Sequence[Column] = COLUMNS,
    *,
    casts: dict[str, str] | None = None,
    marker: str | None = None,
    is_whole: bool = False,
) -> MergeStatements:
    merge = Merge(
        table='"public"."flights"',
        staging='"_sluice"."stage_1"',
        scratch='"_sluice"."differences_1"',
        columns=columns,
        key=("id",),
        casts=casts or {},
        marker=marker,
        is_whole=is_whole,
    )
    return merging.statements(merge)


def test_writers_wait_while_rows_are_known_by_their_place() -> None:
    lock, _ = a_merge().compare

    assert lock == 'LOCK TABLE "public"."flights" IN SHARE ROW EXCLUSIVE MODE'


def test_one_comparison_finds_new_rows_and_other_values_and_takes_json_as_text() -> None:
    _, compare = a_merge().compare

    assert compare == (
        f'CREATE UNLOGGED TABLE "_sluice"."differences_1" AS {PLACES} '
        'FROM "public"."flights" t RIGHT JOIN "_sluice"."stage_1" s ON t."id" = s."id" '
        f"WHERE t.ctid IS NULL OR {BOTH} "
        'AND ((t."Price", (t."facts")::text) IS DISTINCT FROM (s."Price", (s."facts")::text))'
    )


def test_run_of_all_rows_finds_those_that_are_gone_too() -> None:
    merge = a_merge(COLUMNS[:2], is_whole=True)

    assert merge.compare[1] == (
        f'CREATE UNLOGGED TABLE "_sluice"."differences_1" AS {PLACES} '
        'FROM "public"."flights" t FULL JOIN "_sluice"."stage_1" s ON t."id" = s."id" '
        f"WHERE t.ctid IS NULL OR s.ctid IS NULL OR {BOTH} "
        'AND ((t."Price") IS DISTINCT FROM (s."Price"))'
    )
    assert merge.delete == (
        'DELETE FROM "public"."flights" t USING "_sluice"."differences_1" d '
        f"WHERE {AT} AND d.staged_at IS NULL"
    )


def test_rows_are_updated_and_inserted_by_what_was_found_which_is_dropped() -> None:
    merge = a_merge()

    assert merge.delete is None
    assert merge.update == (
        'UPDATE "public"."flights" t SET "Price" = s."Price", "facts" = s."facts" '
        'FROM "_sluice"."differences_1" d JOIN "_sluice"."stage_1" s ON s.ctid = d.staged_at '
        f"WHERE {AT}"
    )
    assert merge.insert == (
        'INSERT INTO "public"."flights" ("id", "Price", "facts") '
        'SELECT s."id", s."Price", s."facts" FROM "_sluice"."differences_1" d '
        'JOIN "_sluice"."stage_1" s ON s.ctid = d.staged_at WHERE d.is_at IS NULL'
    )
    assert merge.tidy == 'DROP TABLE IF EXISTS "_sluice"."differences_1"'


def test_nothing_is_updated_when_all_columns_are_key() -> None:
    merge = a_merge(COLUMNS[:1])

    assert merge.update is None
    assert merge.compare[1].endswith("WHERE t.ctid IS NULL")


def test_rows_that_are_gone_are_marked_unless_they_are() -> None:
    merge = a_merge(COLUMNS[:1], marker="gone", is_whole=True)

    assert merge.compare[1].endswith(
        'WHERE t.ctid IS NULL OR s.ctid IS NULL AND t."gone" IS NULL '
        f'OR {BOTH} AND (t."gone" IS NOT NULL)'
    )
    assert merge.delete == (
        'UPDATE "public"."flights" t SET "gone" = CAST(%s AS timestamp with time zone) '
        f'FROM "_sluice"."differences_1" d WHERE {AT} AND d.staged_at IS NULL'
    )


def test_update_takes_the_mark_from_every_staged_row() -> None:
    merge = a_merge(COLUMNS[:2], marker="gone")

    assert merge.update
    assert 'SET "Price" = s."Price", "gone" = NULL FROM' in merge.update
    assert merge.compare[1].endswith(
        'AND ((t."Price") IS DISTINCT FROM (s."Price") OR t."gone" IS NOT NULL)'
    )


def test_casts_are_applied_wherever_a_staged_value_is_used() -> None:
    merge = a_merge(COLUMNS[:2], casts={"id": "integer", "Price": "numeric(20,6)"})

    assert 'ON t."id" = s."id"::integer ' in merge.compare[1]
    assert merge.compare[1].endswith('(t."Price") IS DISTINCT FROM (s."Price"::numeric(20,6)))')
    assert merge.update
    assert 'SET "Price" = s."Price"::numeric(20,6) FROM' in merge.update
    assert 'SELECT s."id"::integer, s."Price"::numeric(20,6) FROM' in merge.insert


@pytest.mark.parametrize("existing", ["json", "citext"])
def test_type_whose_equality_is_odd_or_missing_is_compared_as_text(existing: str) -> None:
    merge = a_merge([a_column("id"), a_column("a", "text")], casts={"a": existing})

    mine, theirs = '(t."a")::text COLLATE "C"', f'(s."a"::{existing})::text COLLATE "C"'
    assert merge.compare[1].endswith(f"(({mine}) IS DISTINCT FROM ({theirs}))")


def test_text_is_compared_by_its_bytes_whatever_the_collation_of_its_column() -> None:
    merge = a_merge([a_column("id"), a_column("a", "text")])

    mine, theirs = '(t."a")::text COLLATE "C"', '(s."a")::text COLLATE "C"'
    assert merge.compare[1].endswith(f"(({mine}) IS DISTINCT FROM ({theirs}))")
