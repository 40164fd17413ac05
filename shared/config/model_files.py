"""From ``config/models/*.sql`` to models that need no parser: read, parse, order by dependency.

Functions never do this. sqlglot, which reads the SQL, comes with the command line, and is imported
only where there are models.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from shared.config import documents
from shared.config.connections import Connections
from shared.config.curated import ModelConfig, ResolvedModel
from shared.config.documents import Document
from shared.config.places import TARGET_NAMES
from shared.config.resolve import validated
from shared.config.tables import ResolvedTable
from shared.core.wording import meant
from shared.errors import InvalidConfigError

FOLDER = "models"

_HEADER = re.compile(r"\s*/\*(.*?)\*/", re.DOTALL)

_DEFAULT_SCHEMA = "public"
"""Of a name without one. Source: PostgreSQL, "The Schema Search Path"."""

Names = Mapping[tuple[str, str], str]
"""Names of tables and models by schema and table in the target."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    model: ModelConfig
    sql: str


def load(config_dir: Path, tables: list[ResolvedTable]) -> list[ResolvedModel]:
    """Return every model, validated, inputs first.

    Args:
        config_dir: the folder with ``tables.yaml``.
        tables: all tables of the environment.

    Raises:
        InvalidConfigError: every problem found, with the file.
    """
    paths = sorted((config_dir / FOLDER).glob("*.sql"))
    if not paths:
        return []
    if not tables:
        raise InvalidConfigError(f"{paths[0]}: there are no tables that a model could read")
    problems: list[str] = []
    files = [file for path in paths if (file := _read(path, problems))]
    names = _names(tables, files, problems)
    inputs = {file.model.name: _inputs(file, names, problems) for file in files}
    if problems:
        raise InvalidConfigError("\n".join(problems))
    by_name = {file.model.name: file for file in files}
    connections = Connections.together(t.connections for t in tables)
    return [
        ResolvedModel(
            environment=tables[0].environment,
            model=by_name[name].model,
            sql=by_name[name].sql,
            inputs=tuple(sorted(inputs[name])),
            follows=_follows(inputs[name], inputs),
            connections=connections,
        )
        for name in _in_order(inputs)
    ]


def _read(path: Path, problems: list[str]) -> _File | None:
    """Cut a file into its header, in a comment, and its SELECT."""
    text = path.read_text(encoding="utf-8")
    header = _HEADER.match(text)
    if header is None:
        problems.append(
            f"{path}:1: the file must begin with /* and its header in YAML: postgres, "
            "materialised, unique_key, cursor, tests"
        )
        return None
    found = documents.parse(header[1], str(path))
    for kind in TARGET_NAMES.keys() & found.data.keys() - {"postgres"}:
        problems.append(f"{path}: models are for PostgreSQL so far, not {TARGET_NAMES[kind]}")
        return None
    named = Document({"name": path.stem, **found.data}, found.lines)
    model = validated(ModelConfig, named, problems)
    return _File(path, model, text[header.end() :].strip().rstrip(";").rstrip()) if model else None


def _names(
    tables: list[ResolvedTable], files: list[_File], problems: list[str]
) -> dict[tuple[str, str], str]:
    """Return who makes which table of the target; two of a name or a place are problems."""
    names = {
        (t.table.postgres.schema_, t.table.postgres.table): t.table.name
        for t in tables
        if t.table.postgres
    }
    taken = {t.table.name for t in tables}
    for file in files:
        place = (file.model.place.schema_, file.model.place.table)
        if file.model.name in taken:
            problems.append(f"{file.path}: {file.model.name} is the name of a table or model")
        if other := names.get(place):
            problems.append(f"{file.path}: {other} writes {'.'.join(place)} already")
        taken.add(file.model.name)
        names[place] = file.model.name
        if not any(t.connections.postgres for t in tables):
            problems.append(f"{file.path}: a model needs connections.postgres")
    return names


def _inputs(file: _File, names: Names, problems: list[str]) -> set[str]:
    """Return the tables and models that a file reads."""
    inputs = set()
    for schema, table in _tables(file, problems):
        place = f"{schema}.{table}"
        if name := names.get((schema, table)):
            inputs.add(name)
        elif place not in file.model.others:
            known = [".".join(each) for each in names]
            problems.append(
                f"{file.path}: nobody here loads {place}; if it is meant, add it to others. Known: "
                f"{', '.join(sorted(known))}{meant(place, known)}"
            )
    if not inputs and not problems:
        problems.append(f"{file.path}: it reads no table that is loaded, so nothing refreshes it")
    return inputs


def _tables(file: _File, problems: list[str]) -> list[tuple[str, str]]:
    """Return schema and name of each table that a SELECT names; anything else is a problem."""
    try:
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError
    except ModuleNotFoundError as exc:
        raise InvalidConfigError(
            "models need sqlglot, which comes with the command line: pip install 'sluice[cli]'"
        ) from exc
    try:
        found: list[Any] = sqlglot.parse(file.sql, read="postgres")
        for test in file.model.tests:
            sqlglot.parse_one(test.accepted or "true", read="postgres")
    except SqlglotError as exc:
        problems.append(f"{file.path}: not SQL: {str(exc).splitlines()[0]}")
        return []
    forbidden = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock)
    query = found[0] if len(found) == 1 else None
    is_select = isinstance(query, exp.Query) and next(query.find_all(*forbidden), None) is None
    if query is None or not is_select:
        problems.append(f"{file.path}: must be one SELECT, which changes nothing")
        return []
    own = {cte.alias for cte in query.find_all(exp.CTE)}
    return sorted(set(_named(query.find_all(exp.Table), own, exp.Identifier)))


def _named(found: Iterable[Any], own: set[str], identifier: Any) -> Iterator[tuple[str, str]]:
    for table in found:
        if not isinstance(table.this, identifier) or (not table.db and table.name in own):
            continue  # a function, or a WITH of the query's own
        parts = (table.args.get("db"), table.this)
        schema, name = (_folded(part) for part in parts)
        yield schema or _DEFAULT_SCHEMA, name


def _folded(identifier: Any) -> str:
    """Return a name as PostgreSQL keeps it: in small letters unless it is quoted."""
    if identifier is None:
        return ""
    name: str = identifier.name
    return name if identifier.quoted else name.lower()


def _in_order(inputs: Mapping[str, set[str]]) -> list[str]:
    models = {name: each & inputs.keys() for name, each in sorted(inputs.items())}
    try:
        return list(TopologicalSorter(models).static_order())
    except CycleError as exc:
        raise InvalidConfigError(
            f"models read one another in a circle: {' → '.join(exc.args[1])}"
        ) from exc


def _follows(own: set[str], inputs: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Leave out what another input is made from: that one is refreshed first, and asks then."""
    behind: set[str] = set()
    waiting = [name for name in own if name in inputs]
    while waiting:
        for name in inputs[waiting.pop()] - behind:
            behind.add(name)
            waiting += [name] if name in inputs else []
    return tuple(sorted(own - behind))
