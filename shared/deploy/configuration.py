"""The tables' configurations: from the checkout's files into the config bucket, and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared import settings
from shared.config.tables import ResolvedTable
from shared.core import naming
from shared.errors import IntegrityError
from shared.storage import ABSENT
from shared.wire import from_json, to_json
from shared.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How the checkout's tables differ from those that are deployed."""

    added: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]]
    """The keys that differ, by table."""
    removed: tuple[str, ...] = ()


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
        removed=tuple(sorted(deployed.keys() - wanted.keys())),
    )


def texts(services: Services) -> dict[str, str]:
    """Return what the config bucket holds, exactly, by table."""
    bucket = services.settings.bucket("config")
    found = {
        name: services.storage.read(bucket, naming.config_object(name))
        for name in services.config.names()
    }
    return {name: each[0].decode() for name, each in found.items() if each}


def deployed(services: Services) -> dict[str, str]:
    """Return what the config bucket means, spelled out as this release does, by table."""
    return {name: _respelled(name, text) for name, text in texts(services).items()}


def restore(services: Services, tables: Mapping[str, str]) -> list[str]:
    """Make the config bucket what it was, byte for byte; return the tables that differed.

    An earlier release refuses keys that it does not know, so nothing is spelled out anew.
    """
    bucket, before = services.settings.bucket("config"), texts(services)
    differing = sorted(n for n in before.keys() | tables if before.get(n) != tables.get(n))
    for name in differing:
        place = naming.config_object(name)
        found = services.storage.info(bucket, place)
        generation = found.generation if found else ABSENT
        if name in tables:
            services.storage.write(
                bucket,
                place,
                tables[name].encode(),
                generation=generation,
                content_type="application/json",
                metadata={"by": settings.person()},
            )
        else:
            services.storage.delete(bucket, place, generation)
    return differing


def _respelled(name: str, text: str) -> str:
    try:
        return to_json(from_json(ResolvedTable, text.encode(), name)).decode()
    except IntegrityError:
        return text


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
