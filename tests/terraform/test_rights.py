"""The table of rights in docs/security.md is the one that the configuration makes."""

from typing import Any

from tests.terraform import rights
from tests.terraform.workspace import Workspace


def test_table_of_rights_is_up_to_date(planner: Workspace, applied: dict[str, Any]) -> None:
    text = rights.DOCUMENT.read_text()

    table = rights.table(planner, applied)

    assert text == rights.replaced(text, table), "make tf-docs writes it anew"
