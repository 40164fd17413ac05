"""The tables' configurations: from the checkout's files into the config bucket, and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.config.models import ResolvedTable
from shared.core import naming
from shared.storage import ABSENT
from shared.wire import to_json
from shared.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How the checkout's tables differ from those that are deployed."""

    added: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]]
    """The keys that differ, by table."""
    stray: tuple[str, ...] = ()
    """Deployed tables that no file has. They stay: somebody may have added them by hand."""


def as_text(tables: list[ResolvedTable]) -> dict[str, str]:
    """Return configurations as they are kept, as JSON text by table."""
    return {t.table.name: to_json(t).decode() for t in tables}


def compare(wanted: Mapping[str, str], deployed: Mapping[str, str]) -> Differences:
    """Compare configurations, each as JSON text by table."""
    return Differences(
        added=tuple(sorted(wanted.keys() - deployed.keys())),
        changed={
            name: tuple(_keys_that_differ(json.loads(deployed[name]), json.loads(text)))
            for name, text in sorted(wanted.items())
            if name in deployed and json.loads(deployed[name]) != json.loads(text)
        },
        stray=tuple(sorted(deployed.keys() - wanted.keys())),
    )


def deployed(services: Services) -> dict[str, str]:
    """Return what the config bucket holds, as JSON text by table."""
    bucket = services.settings.bucket("config")
    found = {
        name: services.storage.read(bucket, naming.config_object(name))
        for name in services.config.names()
    }
    return {name: each[0].decode() for name, each in found.items() if each}


def put(services: Services, tables: Mapping[str, str]) -> list[str]:
    """Write configurations that differ from what is there; return their tables."""
    bucket, written = services.settings.bucket("config"), []
    for name, text in sorted(tables.items()):
        place = naming.config_object(name)
        found = services.storage.read(bucket, place)
        if found and found[0] == text.encode():
            continue
        generation = found[1] if found else ABSENT
        services.storage.write(
            bucket, place, text.encode(), generation=generation, content_type="application/json"
        )
        written.append(name)
    return written


def _keys_that_differ(before: Any, after: Any, key: str = "") -> list[str]:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [key] if before != after else []
    return [
        found
        for name in sorted(before.keys() | after.keys())
        for found in _keys_that_differ(
            before.get(name), after.get(name), f"{key}.{name}" if key else name
        )
    ]
