"""Where a new table is and where it goes, as options name it, and the table file made of that."""

import re
from pathlib import Path
from typing import Any

import typer

from shared.cli import imports
from shared.cli.drafts import inline

SCHEMAS = {"postgres": "public", "sqlserver": "dbo", "bigquery": None}
"""The kinds of targets, each with the schema that a table goes to unless told otherwise."""

_PART = re.compile(r'"([^"]+)"|([^".]+)')


class PlacedTable:
    """A table by its places; what it says besides is added last."""

    def __init__(
        self,
        name: str,
        source: dict[str, str],
        file: Path | None,
        target: str,
        sheet: str | None,
    ) -> None:
        self.name, self.file, self._sheet = name, file, sheet
        self._source, self.target = source, target
        self.kind = target.partition(":")[0]

    @property
    def kinds(self) -> set[str]:
        """The connections that it needs."""
        return {self.kind} if self.file else {self.kind, "snowflake"}

    def text(self, rules: dict[str, Any]) -> str:
        """Return its file."""
        if self.file:
            mode = {"sync_mode": "append", **rules} if rules != {"sync_mode": "full"} else {}
            lines = list(imports.proposal(self.file, self.name, self._sheet))
            given = {self.kind: self._place(), **mode}
        else:
            lines = ["# Written by `sluice init`; docs/tables.md explains every key."]
            lines += [f"name: {self.name}"]
            given = {"snowflake": self._source, self.kind: self._place(), **rules}
        lines += [f"{key}: {inline(value)}" for key, value in given.items()]
        return "".join(f"{line}\n" for line in lines)

    def _place(self) -> dict[str, str]:
        parts = _parts(self.target.partition(":")[2])
        schema = parts[0] if len(parts) > 1 else SCHEMAS[self.kind]
        if schema is None:
            raise typer.BadParameter(f"--to {self.target}: write bigquery:DATASET.TABLE")
        table = parts[-1] if parts else self.name
        return {"dataset" if self.kind == "bigquery" else "schema": schema, "table": table}


def in_snowflake(text: str) -> dict[str, str]:
    """Return the place that a text names in Snowflake.

    Raises:
        typer.BadParameter: it names none.
    """
    parts = _parts(text)
    if len(parts) != 3:
        raise typer.BadParameter(f"--from {text}: write DATABASE.SCHEMA.TABLE")
    return dict(zip(("database", "schema", "table"), parts, strict=True))


def _parts(text: str) -> list[str]:
    return [quoted or plain for quoted, plain in _PART.findall(text)]
