"""The picture of the demo in the README: of the tables that the demo has, and from nowhere else."""

import html
import re
from pathlib import Path

import yaml

SVG = Path("docs/pictures/demo.svg").read_text("utf-8")
SAID = html.unescape(re.sub(r"<[^>]+>", " ", SVG)).replace("\xa0", " ")


def test_picture_shows_every_table_of_the_demo_and_that_all_adds_up() -> None:
    tables = yaml.safe_load(Path("config/tables.yaml").read_text("utf-8"))["tables"]

    assert [t["name"] for t in tables if not re.search(rf"\b{t['name']}\b", SAID)] == []
    assert "every receipt adds up" in SAID
    assert "docs/pictures/demo.svg" in Path("README.md").read_text("utf-8")


def test_picture_fetches_nothing() -> None:
    assert not re.search(r"@font-face|url\(['\"]?http", SVG)
