"""Cloud Storage through Google's client: immutable writes, compare-and-set, streams both ways.

One implementation; on a laptop only the other end of the wire is another
(``STORAGE_EMULATOR_HOST``). Every failure that may pass is a ``StorageUnavailableError``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared import settings
from shared.core import stored
from shared.media import Media
from shared.metering import meter
from shared.storage.failures import failures, not_found, precondition, retry
from shared.storage.objects import ABSENT, HOLD_NOTE, ObjectInfo, Writer

if TYPE_CHECKING:
    from google.cloud.storage import Client

CHUNK_BYTES = 4 * 2**20
"""Upload in requests of this size. Source: multiples of 256 KiB are required."""

PIECE_BYTES = 2**20
"""Download in pieces of this size, all in one request."""

ENDPOINT = "https://storage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
"""Source: Cloud Storage, "OAuth scopes": what reading and writing objects needs, and no more."""

CLIENT_ENVIRONMENT = {"DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA": "true"}
"""Otherwise the client describes each bucket for traces, with or without anybody who collects them:
it asks for the bucket when it first uses it, and again at every 404, in a thread of its own that
outlives the delivery. Source: google-cloud-storage 3.17, ``_bucket_metadata_cache``.
"""


class Storage:
    """All that Sluice asks of Cloud Storage."""

    def __init__(self, project: str, emulator: str | None = None) -> None:
        self._project = project
        self._emulator = emulator
        self._client: Client | None = None
        self._media: Media

    def read(self, bucket: str, name: str) -> tuple[bytes, int] | None:
        """Return an object's bytes and generation; None when there is none."""
        meter.storage_reads += 1
        blob = self._blob(bucket, name)
        with failures(bucket, name):
            try:
                data: bytes = blob.download_as_bytes(retry=retry())
            except not_found():
                return None
            return data, int(blob.generation)

    def write(
        self,
        bucket: str,
        name: str,
        data: bytes,
        *,
        generation: int,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> int:
        """Write an object if its present generation is the one given; return the new one.

        Raises:
            ConflictError: the object has another generation (0 stands for "does not exist").
        """
        meter.storage_writes += 1
        blob = self._blob(bucket, name)
        if metadata:
            blob.metadata = dict(metadata)
        with failures(bucket, name):
            blob.upload_from_string(
                data,
                content_type=content_type,
                if_generation_match=generation,
                retry=retry(),
            )
        return int(blob.generation)

    @contextmanager
    def create(
        self,
        bucket: str,
        name: str,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> Iterator[Writer]:
        """Stream a new object.

        Raises:
            ConflictError: on leaving, when an object of that name exists already. The name must be
                the caller's alone, because the generation is looked up by it afterwards.
        """
        meter.storage_writes += 1
        blob = self._blob(bucket, name)
        if metadata:
            blob.metadata = dict(metadata)
        stream = blob.open(
            "wb",
            chunk_size=CHUNK_BYTES,
            content_type=content_type,
            if_generation_match=ABSENT,
            ignore_flush=True,
            retry=retry(),
        )
        with failures(bucket, name):
            writer = Writer(stream)
            try:
                with stream:
                    yield writer
            finally:
                # One whose end failed would send it again whenever it is collected.
                stream._buffer.close()
            # The stream does not tell which generation it made. The name is nobody else's.
            meter.storage_reads += 1
            blob.reload(retry=retry())
            writer.generation = int(blob.generation)

    def download(self, bucket: str, name: str, generation: int) -> bytes | None:
        """Return the bytes of one generation; None when it is gone."""
        try:
            return b"".join(self.stream(bucket, name, generation))
        except FileNotFoundError:
            return None

    def stream(
        self,
        bucket: str,
        name: str,
        generation: int,
        *,
        start: int = 0,
        end: int | None = None,
        piece_bytes: int = PIECE_BYTES,
    ) -> Iterator[bytes]:
        """Yield the stored bytes of one generation, in chunks.

        Args:
            bucket: of the object.
            name: of the object.
            generation: of the object.
            start: so many bytes at the beginning are left out; fewer than there are.
            end: where the part ends that is wanted; None: at the end of the object.
            piece_bytes: of each chunk but the last; small for who stops early.

        Raises:
            FileNotFoundError: the generation is gone: deleted or overwritten.
        """
        self._connect()
        meter.storage_reads += 1
        with failures(bucket, name):
            try:
                yield from self._media.chunks(
                    bucket,
                    name,
                    generation,
                    chunk_bytes=piece_bytes,
                    retry=retry(),
                    start=start,
                    end=end,
                )
            except not_found() as exc:
                raise FileNotFoundError(stored.place(bucket, name, generation)) from exc

    def info(self, bucket: str, name: str, generation: int | None = None) -> ObjectInfo | None:
        """Return what is known of an object, or of one generation; None when there is none."""
        meter.storage_reads += 1
        blob = self._blob(bucket, name, generation)
        with failures(bucket, name):
            try:
                blob.reload(retry=retry())
            except not_found():
                return None
        return _info(blob)

    def list(
        self,
        bucket: str,
        prefix: str,
        *,
        start: str = "",
        end: str = "",
        page_size: int | None = None,
    ) -> Iterator[ObjectInfo]:
        """Yield the live objects below a prefix, by name: from ``start`` on, before ``end``.

        ``page_size`` is how many one request brings, for who stops early; 1,000 unless given.
        """
        meter.storage_writes += 1  # a list is of the class of writes
        with failures(bucket, prefix):
            for blob in self._connect().list_blobs(
                bucket,
                prefix=prefix,
                start_offset=start or None,
                page_size=page_size,
                end_offset=end or None,
                retry=retry(),
            ):
                yield _info(blob)

    def folders(self, bucket: str, prefix: str) -> tuple[str, ...]:
        """Return the names of the folders right below a prefix that ends in a slash."""
        with failures(bucket, prefix):
            pages = self._connect().list_blobs(bucket, prefix=prefix, delimiter="/", retry=retry())
            found = [name for page in pages.pages for name in page.prefixes]
        return tuple(sorted(name.removeprefix(prefix).rstrip("/") for name in found))

    def note(self, bucket: str, name: str, generation: int, metadata: Mapping[str, str]) -> None:
        """Add to the metadata of one generation; its bytes and its number stay as they are.

        Raises:
            FileNotFoundError: the generation is gone: deleted or overwritten.
        """
        meter.storage_writes += 1
        blob = self._blob(bucket, name, generation)
        blob.metadata = dict(metadata)
        with failures(bucket, name):
            try:
                blob.patch(retry=retry())
            except not_found() as exc:
                raise FileNotFoundError(stored.place(bucket, name, generation)) from exc

    def delete(self, bucket: str, name: str, generation: int) -> None:
        """Delete one generation; one that is gone already is left gone.

        Raises:
            ConflictError: the live object has another generation.
        """
        blob = self._blob(bucket, name)
        with failures(bucket, name):
            try:
                blob.delete(if_generation_match=generation, retry=retry())
            except not_found():
                return

    def hold(self, info: ObjectInfo, note: str | None) -> None:
        """Put a temporary hold on an object, or take it away; one that is gone is left gone.

        Args:
            info: the object, at its generation.
            note: who holds it, kept in the object's metadata; None takes the hold away.

        Source: Cloud Storage, "Object holds".
        """
        meter.storage_writes += 1
        blob = self._blob(info.bucket, info.name, info.generation)
        blob.temporary_hold = note is not None
        blob.metadata = {HOLD_NOTE: note}
        with failures(info.bucket, info.name):
            try:
                blob.patch(retry=retry())
            except not_found():
                return

    def copy(self, source: ObjectInfo, bucket: str, name: str) -> None:
        """Copy one generation to a new name, on the server; a copy made before is left alone.

        Raises:
            FileNotFoundError: the generation is gone: deleted or overwritten.
            StorageUnavailableError: there is no bucket to copy to.
        """
        meter.storage_writes += 1
        blob = self._blob(bucket, name)
        origin = self._blob(source.bucket, source.name, source.generation)
        with failures(bucket, name):
            try:
                token = None
                while True:
                    token, _, _ = blob.rewrite(
                        origin, token=token, if_generation_match=ABSENT, retry=retry()
                    )
                    if not token:
                        return
            except not_found() as exc:
                # The answer is the same whether the source is gone or the bucket to copy to.
                if self.info(source.bucket, source.name, source.generation):
                    raise
                raise FileNotFoundError(source.place) from exc
            except precondition():
                return

    def _blob(self, bucket: str, name: str, generation: int | None = None) -> Any:
        return self._connect().bucket(bucket).blob(name, generation=generation)

    def _connect(self) -> "Client":
        if self._client is None:
            from google.auth.credentials import AnonymousCredentials
            from google.cloud.storage import Client

            settings.adopt(CLIENT_ENVIRONMENT)
            credentials = AnonymousCredentials() if self._emulator else _default_credentials()
            self._media = Media(self._emulator or ENDPOINT, credentials)
            self._client = Client(project=self._project, credentials=credentials)
        return self._client


def _info(blob: Any) -> ObjectInfo:
    return ObjectInfo(
        bucket=blob.bucket.name,
        name=blob.name,
        generation=int(blob.generation),
        size_bytes=int(blob.size),
        created_at=blob.time_created,
        metadata=blob.metadata or {},
        is_held=bool(blob.temporary_hold),
    )


def _default_credentials() -> Any:
    import google.auth

    credentials, _ = google.auth.default(scopes=[SCOPE])
    return credentials
