"""The table of rights in docs/security.md is the one that the configuration makes."""

from tests.terraform import rights
from tests.terraform.workspace import Workspace


def test_table_of_rights_is_up_to_date(planner: Workspace) -> None:
    text = rights.DOCUMENT.read_text()

    assert text == rights.replaced(text, rights.table(planner)), "make tf-docs writes it anew"
