"""The tables of docs/types.md are what the code does."""

import pytest

from shared import registry, typetable
from shared.config.models import TableConfig
from shared.core.drift import RESCUED, Policy
from shared.core.fidelity import Consent
from tests.docs.pages import DOCS, TYPES, named, renewed


def test_page_is_what_the_code_makes() -> None:
    text = TYPES.read_text("utf-8")

    assert text == renewed(text), "docs/types.md is stale: run make types"
    assert named(text) == typetable.blocks().keys()


def test_stale_page_is_noticed() -> None:
    text = TYPES.read_text("utf-8")

    assert renewed(text.replace("| `bytea`: exact |", "| `text`: exact |")) == text
    assert renewed(text.replace("| `boolean`: exact |", "| `boolean` |")) == text


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
