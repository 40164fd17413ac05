"""The functions of this checkout, as tests are parametrised over them."""

from pathlib import Path

NAMES = sorted(path.parent.name for path in Path("functions").glob("*/main.py"))
