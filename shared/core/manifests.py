"""The manifest: the immutable object that makes staged parts a run.

It is created once, first writer wins. A run without a manifest never happened; parts that no
manifest names are orphans.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, Self

from shared.core.checks import Observed
from shared.core.modes import SyncMode
from shared.core.receipts import Point
from shared.core.schemas import TableSchema
from shared.core.windows import Window

VERSION: Final = 1
"""Version of every manifest. Readers refuse any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A data key under a key-encryption key: the latter's id, and nonce and ciphertext as hex.

    ``key_id`` names a secret with its version, as in ``staging-key:3``.
    """

    key_id: str
    nonce: str
    ciphertext: str

    @property
    def notes(self) -> dict[str, str]:
        """What an object's metadata says of its key; the keys of the metadata are ours."""
        return {f"{_NOTE}{name}": getattr(self, name) for name in _NOTED}

    @classmethod
    def noted(cls, metadata: Mapping[str, str]) -> Self | None:
        """Read an object's metadata; None where it says of no key, or not all."""
        found = {name: metadata.get(f"{_NOTE}{name}") for name in _NOTED}
        given = {name: value for name, value in found.items() if value}
        return cls(**given) if len(given) == len(_NOTED) else None


_NOTE = "sluice_"
_NOTED = ("key_id", "nonce", "ciphertext")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One Parquet object: pinned by generation, proven by its hash.

    ``key`` is the data key of an encrypted part, itself encrypted; None for a plain part. Once the
    key-encryption key is replaced, a newer form of it is in the object's metadata.
    """

    name: str
    generation: int
    rows: int
    size_bytes: int
    sha256: str
    key: WrappedKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOrigin:
    """The dropped file that a run came from: the exact generation, and the hash of its bytes.

    ``content_sha256`` is that of what was inside, if the file was packed; else the same hash.
    ``original`` is the name of its copy in the raw bucket, empty where none is kept; ``dialect`` is
    how it was read, ``read_as`` its columns, where others are staged because some are protected.
    """

    bucket: str
    name: str
    generation: int
    size_bytes: int
    sha256: str
    content_sha256: str = ""
    original: str = ""
    dialect: dict[str, Any] = field(default_factory=dict)
    read_as: TableSchema | None = None

    @property
    def identity(self) -> str:
        """What a file of the same content has in common with this one, packed or not."""
        return self.content_sha256 or self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one earlier run did to the table; a rewind applies layers one over the other.

    ``mode``, ``schema``, ``parts`` and ``key_parts`` are those of that run's manifest.
    """

    run_id: str
    mode: SyncMode
    schema: TableSchema
    parts: tuple[Part, ...]
    key_parts: tuple[Part, ...] | None = None

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """The parts with rows, then those with keys."""
        return (*self.parts, *(self.key_parts or ()))

    @property
    def keys_name(self) -> str:
        """Under which name the target notes that the layer's keys were compared."""
        return f"keys of {self.run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewind:
    """The earlier run that a rewind goes back to.

    ``watermark`` is where the table stood after that run. ``layers`` begin with the last run that
    replaced the whole table, and end with the run itself.
    """

    run_id: str
    watermark: str | None
    layers: tuple[Layer, ...]
    kept_rows: int | None = None
    """Rows of the version that the target itself keeps, in place of layers; None: of layers."""

    @property
    def kept_name(self) -> str:
        """Under which name the target notes that the kept version was copied."""
        return f"version of {self.run_id}"

    @property
    def names(self) -> set[str]:
        """What the target must have noted as done before the rewind is published."""
        parts = {part.name for layer in self.layers for part in layer.parts}
        keys = {x.keys_name for x in self.layers if x.key_parts is not None}
        return parts | keys | ({self.kept_name} if self.kept_rows is not None else set())


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that a load needs to know.

    ``snapshot`` is the source's own time of reading, as sortable text with nine digits in UTC.
    ``epoch`` is the target's state that the window was computed from; the publish requires it
    unchanged when the mode is incremental or a window was read.
    ``change_token`` stands for all that the run read; a later run of the same token would read the
    same. None when the source does not say, or when it holds rows for a later run. Of a file it
    tells the configuration alone.
    ``key_parts`` hold the keys of all rows of the table at the snapshot; None when the run does not
    look for deletes. ``allow_empty`` lets the run pass the guards. ``is_backfill``: the window lies
    anywhere, and its end is no watermark. ``rewind`` takes the place of parts of the run's own.
    ``evidence`` says how it was found what a dropped file is like. ``observed`` is what the table's
    checks are judged by; None where rows were staged before any existed. ``source`` and ``staged``
    are the points of the run's rows; None where they are not known. ``protection`` says of each
    protected column how its values were protected.
    """

    version: Literal[1] = VERSION
    run_id: str
    table: str
    attempt: str
    mode: SyncMode
    snapshot: str
    is_pinned: bool
    window: Window | None
    epoch: int | None
    schema: TableSchema
    parts: tuple[Part, ...]
    key_parts: tuple[Part, ...] | None = None
    rows_source: int
    rows_rejected: int
    query_id: str | None = None
    change_token: str | None = None
    file: FileOrigin | None = None
    config_generation: int
    allow_empty: bool = False
    is_backfill: bool = False
    rewind: Rewind | None = None
    code_version: str
    created_at: datetime
    notes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    observed: Observed | None = None
    source: Point | None = None
    staged: Point | None = None
    protection: dict[str, str] = field(default_factory=dict)

    @property
    def low(self) -> str | None:
        """Where the window starts, exclusive; None: at the beginning, or there is no window."""
        if self.window is None:
            return None
        return self.window.read_from if self.is_backfill else self.window.low

    @property
    def high(self) -> str | None:
        """Where the window ends; None without one."""
        return self.window.high if self.window else None

    @property
    def publish_mode(self) -> str:
        """What the target records as the kind of the publish."""
        if self.rewind:
            return "rewind"
        return "backfill" if self.is_backfill else self.mode.value

    @property
    def rows_staged(self) -> int:
        """Rows in all parts together, those of a rewind's layers or version too, keys apart."""
        kept = self.rewind.kept_rows if self.rewind else None
        return sum(p.rows for owner in self._owners for p in owner.parts) + (kept or 0)

    @property
    def all_parts(self) -> tuple[Part, ...]:
        """The parts with rows, then those with keys."""
        return (*self.parts, *(self.key_parts or ()))

    @property
    def size_bytes(self) -> int:
        """Compressed bytes of all parts together, those of a rewind's layers too."""
        return sum(p.size_bytes for owner in self._owners for p in owner.all_parts)

    @property
    def _owners(self) -> tuple["Manifest | Layer", ...]:
        return (self, *(self.rewind.layers if self.rewind else ()))

    def schema_of(self, part: Part) -> TableSchema:
        """Return the columns of a part: all of the table's, or only its key's."""
        return self.schema.only_key if part in (self.key_parts or ()) else self.schema
