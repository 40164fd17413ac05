"""The parts of pages that the code makes are what the code does."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from shared import registry, typetable
from shared.config.keys import json_schema, meanings
from shared.config.tables import TableConfig
from shared.core.drift import RESCUED, Policy
from shared.core.fidelity import Consent
from tests.docs import keytables
from tests.docs.pages import DOCS, MADE, TABLES, TYPES, named, renewed


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_page_is_what_the_code_makes(path: Path) -> None:
    text = path.read_text("utf-8")

    assert text == renewed(path, text), f"docs/{path.name} is stale: run make docs"
    assert named(text) == MADE[path]().keys()


def test_stale_page_is_noticed() -> None:
    types, tables = TYPES.read_text("utf-8"), TABLES.read_text("utf-8")

    assert renewed(TYPES, types.replace("| `bytea`: exact |", "| `text`: exact |")) == types
    assert renewed(TYPES, types.replace("| `boolean`: exact |", "| `boolean` |")) == types
    assert renewed(TABLES, tables.replace("| `keep_versions` |", "| `kept` |")) == tables


@pytest.mark.parametrize("model", keytables.models().values(), ids=lambda m: m.__name__)
def test_every_key_says_what_it_means(model: type[BaseModel]) -> None:
    if model.__module__ == "shared.config.checks" or model.__name__ == "Connections":
        return  # checks have a page of their own; connections are their keys
    assert [key for key, meaning in meanings(model).items() if not meaning] == []


def test_editors_are_told_what_keys_mean() -> None:
    table = json_schema()["$defs"]["TableConfig"]["properties"]

    assert table["name"]["description"].startswith("Lower-case letters")
    assert all("description" in key for key in table.values())


@pytest.mark.parametrize("target", registry.TARGETS)
def test_every_target_says_what_becomes_of_each_kind(target: str) -> None:
    types = typetable.types_of(target)

    for row in typetable.rows():
        sample = next(s for s in typetable.SAMPLES if s.kind is row.kind)
        assert types.holds(types.type_name(sample), sample)
        assert (
            types.type_name(sample).partition("(")[0] == row.targets[target].type.partition("(")[0]
        )


def test_every_consent_is_explained_and_taken_by_table_files() -> None:
    text = TYPES.read_text("utf-8")

    for consent in Consent:
        assert f"| `{consent}` | {consent.effect} |" in text
    schema = str(TableConfig.model_json_schema())
    assert all(str(consent) in schema for consent in Consent)


def test_policies_are_explained() -> None:
    text = (DOCS / "tables.md").read_text("utf-8")

    assert all(f"`{policy}`" in text for policy in Policy)
    assert f"`{RESCUED}`" in text
