"""From files to validated tables: read, merge the environment in, validate, say where it hurts."""

import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from shared.config import together
from shared.config.checks import KINDS
from shared.config.documents import Document, Place, overlay, read
from shared.config.places import TARGET_NAMES
from shared.config.tables import EnvironmentFile, ResolvedTable, TableConfig
from shared.core.wording import meant
from shared.errors import InvalidConfigError

M = TypeVar("M", bound=BaseModel)

_KIND_AT = 2
"""Where pydantic puts the kind of a check: behind ``checks`` and its number."""

_SHOULD = "Input should "
"""How pydantic begins what it says about a value out of bounds."""

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
"""What a person calls the types of pydantic's errors."""


def load(config_dir: Path, environment: str, extra: Document | None = None) -> list[ResolvedTable]:
    """Return every table of an environment, validated, in the order of the files.

    Tables come from ``tables.yaml`` and ``tables/*.yaml``; ``environments/<environment>.yaml``
    overrides them key by key and names the connections. ``extra`` is one more environment on top,
    such as the ports of a local cloud.

    Raises:
        InvalidConfigError: every problem found, one line each, with file, line, key and choices.
    """
    _require_folder(config_dir)
    problems: list[str] = []
    env = _environment(config_dir, environment)
    if extra:
        env = overlay(env, extra)
    environment_file = validated(EnvironmentFile, env, problems)
    documents = [d for path in _table_files(config_dir) for d in _split(read(path), problems)]
    merged = [_override(d, env) for d in documents]
    problems += _repeated(merged)
    tables = [validated(TableConfig, d, problems) for d in merged]
    problems += _strangers(documents, env)
    if problems or environment_file is None:
        raise InvalidConfigError("\n".join(problems))
    connections = environment_file.connections
    resolved = [
        ResolvedTable(environment=environment, table=t, connections=connections)
        for t in tables
        if t is not None
    ]
    _require_connections(resolved, env)
    files = {d.data["name"]: d for d in merged}
    together.require_targets_of_their_own(resolved, files)
    together.require_references(resolved, files)
    return resolved


def overrides(config_dir: Path, environment: str) -> dict[str, list[str]]:
    """Return the keys that an environment sets for tables, each as ``key: value``.

    Raises:
        InvalidConfigError: there is no such environment, or its file is no YAML.
    """
    tables = _environment(config_dir, environment).data.get("tables")
    if not isinstance(tables, dict):
        return {}
    return {
        name: [f"{key}: {value}" for key, value in keys.items()]
        for name, keys in tables.items()
        if isinstance(keys, dict)
    }


def _require_folder(config_dir: Path) -> None:
    """Make sure that there are table files at all.

    Raises:
        InvalidConfigError: there is no such folder.
    """
    if not config_dir.is_dir():
        raise InvalidConfigError(
            f"there is no folder {config_dir} here; go where it is, or name it with --config"
        )


def _table_files(config_dir: Path) -> list[Path]:
    for path in (config_dir / "tables.yml", *(config_dir / "tables").glob("*.yml")):
        if path.exists():
            raise InvalidConfigError(f"{path}: would not be read; rename it to end in .yaml")
    one = config_dir / "tables.yaml"
    files = ([one] if one.exists() else []) + sorted((config_dir / "tables").glob("*.yaml"))
    if not files:
        raise InvalidConfigError(f"{config_dir}: no tables.yaml and no tables/*.yaml")
    return files


def _environment(config_dir: Path, environment: str) -> Document:
    path = config_dir / "environments" / f"{environment}.yaml"
    if not path.exists():
        known = sorted(p.stem for p in (config_dir / "environments").glob("*.yaml"))
        raise InvalidConfigError(
            f"{path}: no such environment; known: {', '.join(known) or 'none'}"
        )
    return read(path)


def _split(document: Document, problems: list[str]) -> list[Document]:
    """Cut a file into one document per table; a file may also be one table itself."""
    if "tables" not in document.data:
        if "name" in document.data:
            return [document]
        found = f"its keys are {', '.join(document.data)}" if document.data else "it is empty"
        problems.append(
            f"{document.where(())}: the file has neither tables (a list) nor name (one table); "
            f"{found}"
        )
        return []
    tables = document.data["tables"]
    stray = document.data.keys() - {"tables"}
    problems += [f"{document.where((k,))}: unknown key {k!r}; known: tables" for k in sorted(stray)]
    if not isinstance(tables, list):
        problems.append(f"{document.where(('tables',))}: tables must be a list of tables")
        return []
    documents = []
    for i, data in enumerate(tables):
        place = ("tables", i)
        if isinstance(data, dict):
            documents.append(_below(document, place, data))
        else:
            at, shown = document.where(place), _shown(data)
            problems.append(f"{at}: tables.{i}: must be a mapping of keys, got {shown}")
    return documents


def _below(document: Document, place: Place, data: dict[str, Any]) -> Document:
    depth = len(place)
    lines = {p[depth:]: at for p, at in document.lines.items() if p[:depth] == place}
    return Document(data, lines)


def _override(table: Document, env: Document) -> Document:
    overrides = env.data.get("tables")
    name = table.data.get("name")
    if not isinstance(overrides, dict) or not isinstance(name, str):
        return table
    override = overrides.get(name)
    if not isinstance(override, dict):
        return table
    return overlay(table, _below(env, ("tables", name), override))


def _repeated(documents: list[Document]) -> list[str]:
    first: dict[str, str] = {}
    problems = []
    for document in documents:
        name, at = document.data.get("name"), document.where(("name",))
        if isinstance(name, str) and name in first:
            problems.append(f"{at}: table {name!r} appears twice (first at {first[name]})")
        elif isinstance(name, str):
            first[name] = at
    return problems


def _strangers(documents: list[Document], env: Document) -> list[str]:
    """Name the overrides of tables that do not exist, in one message."""
    names = (d.data.get("name") for d in documents)
    known = sorted(name for name in names if isinstance(name, str))
    tables = env.data.get("tables")
    strangers = [name for name in (tables if isinstance(tables, dict) else {}) if name not in known]
    if not strangers:
        return []
    shown = ", ".join(repr(name) for name in strangers)
    what = "no table is named" if len(strangers) == 1 else "no tables are named"
    at, choices = env.where(("tables", strangers[0])), ", ".join(known) or "none"
    hint = meant(strangers[0], known)
    return [f"{at}: {what} {shown}, which this environment changes; known: {choices}{hint}"]


def validated(model: type[M], document: Document, problems: list[str]) -> M | None:
    """Return a document as a model; None where it is none, and what is wrong in ``problems``."""
    try:
        return model.model_validate(document.data)
    except ValidationError as exc:
        problems += [_explain(model, document, error) for error in exc.errors()]
        return None


def _explain(model: type[BaseModel], document: Document, error: Any) -> str:
    place: Place = tuple(error["loc"])
    checked: type[BaseModel] | None = None
    if model is TableConfig and place[:1] == ("checks",) and len(place) > _KIND_AT:
        # The kind of a check stands in the place of what is wrong with it, but not in the file.
        checked = KINDS.get(str(place[_KIND_AT]))
        place = (*place[:_KIND_AT], *place[_KIND_AT + 1 :])
    key = ".".join(str(p) for p in place)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = _known_keys(checked, ()) if checked else _known_keys(model, place[:-1])
        message = f"unknown key; known: {', '.join(known)}{meant(place[-1], known)}"
    elif error["type"] == "missing":
        message = "is missing"
    elif error["type"].startswith("union_tag"):
        given = error["input"].get("check") if isinstance(error["input"], dict) else error["input"]
        message = f"check is {_shown(given)}; known: {', '.join(KINDS)}{meant(given, KINDS)}"
    elif error["type"] in ("literal_error", "enum"):
        message = f"{_shown(error['input'])} is not known; known: {error['ctx']['expected']}"
    elif error["type"] in ("model_type", "dict_type"):
        keys_known = ", ".join(_known_keys(model, place))
        keys = f" ({keys_known})" if keys_known else ""
        message = f"must be a mapping of keys{keys}, got {_shown(error['input'])}"
    elif error["type"] == "string_type":
        hint = "" if isinstance(error["input"], dict | list) else "; put it in quotes"
        message = f"must be text, got {_shown(error['input'])}{hint}"
    elif error["type"] in ("list_type", "tuple_type"):
        given = error["input"]
        written = f"; write [{given}]" if isinstance(given, str | int) else ""
        message = f"must be a list, got {_shown(given)}{written}"
    elif error["type"].endswith(("_type", "_parsing")):
        kind = error["type"].removesuffix("_type").removesuffix("_parsing")
        message = f"must be {_KINDS.get(kind, kind)}, got {_shown(error['input'])}"
    elif message.startswith(_SHOULD):
        message = f"must {message.removeprefix(_SHOULD)}, got {_shown(error['input'])}"
    return f"{document.where(place)}: {key + ': ' if key else ''}{message}"


def _shown(value: object) -> str:
    return reprlib.repr(value)


def _known_keys(model: type[BaseModel], place: Iterable[str | int]) -> list[str]:
    """Follow a place through the models and return the keys allowed there."""
    current: Any = model
    for step in place:
        if get_origin(current) is dict:
            current = get_args(current)[1]
            continue
        fields = getattr(current, "model_fields", {})
        found = next((f for n, f in fields.items() if step in (n, f.alias)), None)
        annotation: Any = found.annotation if found else None
        is_mapping = get_origin(annotation) is dict
        choices = [annotation] if is_mapping else getattr(annotation, "__args__", [annotation])
        current = next((a for a in choices if a), None)
    fields = getattr(current, "model_fields", {})
    return sorted(f.alias or n for n, f in fields.items())


def _require_connections(tables: list[ResolvedTable], env: Document) -> None:
    problems = [
        f"{env.where(('connections',))}: table {t.table.name} needs connections.{kind}"
        for t in tables
        for kind in ("snowflake", *TARGET_NAMES)
        if getattr(t.table, kind) and not getattr(t.connections, kind)
    ]
    problems += [
        f"{env.where(('connections', 'snowflake'))}: table {t.table.name} has strategy unload, "
        "which needs connections.snowflake.storage_integration"
        for t in tables
        if t.table.unloads
        and t.connections.snowflake
        and not t.connections.snowflake.storage_integration
    ]
    if problems:
        raise InvalidConfigError("\n".join(problems))
