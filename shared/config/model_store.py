"""Models in the config bucket: one object for all of them, replaced by compare-and-set."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shared.audit import AuditLog
from shared.core import naming
from shared.core.audit import Event
from shared.errors import UnknownTableError
from shared.storage import ABSENT, Storage
from shared.wire import from_json, to_json

if TYPE_CHECKING:
    from shared.config.curated import ResolvedModel


class ModelStore:
    """What the functions know about models."""

    def __init__(self, storage: Storage, bucket: str, audit: AuditLog) -> None:
        self._storage = storage
        self._bucket = bucket
        self._audit = audit

    def all(self) -> "tuple[tuple[ResolvedModel, ...], int]":
        """Return all models, inputs first, and the generation of the object that holds them."""
        found = self._storage.read(self._bucket, naming.MODELS)
        if found is None:
            return (), ABSENT
        from shared.config.curated import ModelList  # where there are models

        return from_json(ModelList, found[0], naming.MODELS).models, found[1]

    def get(self, name: str) -> "tuple[ResolvedModel, int]":
        """Return a model, and the generation of the object that holds all of them.

        Raises:
            UnknownTableError: there is none of this name; the message lists the known ones.
        """
        models, generation = self.all()
        for each in models:
            if each.model.name == name:
                return each, generation
        known = ", ".join(each.model.name for each in models) or "none"
        raise UnknownTableError(
            f"no model {name!r} is configured; known: {known}. Add config/models/{name}.sql and "
            "deploy the configuration",
            table=name,
        )

    def deploy(self, models: "Iterable[ResolvedModel]", by: str) -> bool:
        """Make these the models that there are; False when they are already.

        Raises:
            ConflictError: somebody else is deploying just now.
        """
        wanted = tuple(models)
        before, generation = self.all()
        if before == wanted:
            return False
        from shared.config.curated import ModelList

        written = self._storage.write(
            self._bucket,
            naming.MODELS,
            to_json(ModelList(models=wanted)),
            generation=generation,
            content_type="application/json",
        )
        detail = {"generation": written, "models": {m.model.name: m.definition for m in wanted}}
        self._audit.tell(
            Event(
                table=naming.NO_TABLE,
                event_id=f"models/{written}",
                kind="models.written",
                at=datetime.now(UTC),
                by=by,
                detail=json.dumps(detail),
            )
        )
        return True
