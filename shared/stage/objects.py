"""Staged parts as objects that others read: by address, once they are proven unchanged."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.core import stored
from shared.core.manifests import Part
from shared.errors import IntegrityError
from shared.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedObjects:
    """The staging bucket, for a target that reads parts itself."""

    storage: Storage
    bucket: str

    def uri(self, part: Part) -> str:
        """Return the address of a part. It cannot name the generation: BigQuery takes none."""
        return f"gs://{self.bucket}/{part.name}"

    def require_unchanged(self, parts: Sequence[Part]) -> None:
        """Make sure that the parts are the generations that the manifest names.

        An object of one generation never changes, and its hash was taken when it was written.

        Raises:
            IntegrityError: a part is gone, or was written anew.
        """
        found: dict[str, int] = {}
        for prefix in {part.name.rpartition("/")[0] for part in parts}:
            objects = self.storage.list(self.bucket, f"{prefix}/")
            found |= {each.name: each.generation for each in objects}
        for part in parts:
            if found.get(part.name) != part.generation:
                place = stored.place(self.bucket, part.name, part.generation)
                raise IntegrityError(
                    f"{place} is gone or was written anew; extract the table again", object=place
                )
