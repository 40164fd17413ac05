"""What is written below each field of the configuration's models, for editors and documents.

Functions read configuration and never explain it: nothing but the command line imports this.
"""

import ast
import inspect
import re
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from shared.config.tables import TablesFile

_SPACE = re.compile(r"\s+")


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the sentence below each field, by the key that files use; "" where there is none."""
    written: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            written |= _below_fields(kind)
    return {
        field.alias or name: _SPACE.sub(" ", written.get(name, "")).strip()
        for name, field in model.model_fields.items()
    }


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``tables.yaml``, whose keys say what they mean, for editors."""
    schema, models = TablesFile.model_json_schema(by_alias=True), nested(TablesFile)
    for name, definition in schema["$defs"].items():
        said = meanings(models[name]) if name in models else {}
        for key, meaning in said.items():
            if meaning:
                definition["properties"][key]["description"] = meaning.replace("``", "`")
    return schema


def nested(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return a model and all models below it, by name."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [model]
    while waiting:
        kind = waiting.pop()
        if inspect.isclass(kind) and issubclass(kind, BaseModel) and kind.__name__ not in found:
            found[kind.__name__] = kind
            waiting += [field.annotation for field in kind.model_fields.values()]
        else:
            waiting += getattr(kind, "__args__", ())
    return found


def _below_fields(model: type[BaseModel]) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    found: dict[str, str] = {}
    for statement, below in pairwise(getattr(tree, "body", ())):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = below.value if isinstance(below, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[statement.target.id] = text.value
    return found
