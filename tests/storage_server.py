"""The product's own storage over an emulator of Cloud Storage, which runs in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from local.gcs.server import GcsServer
from shared.storage import Storage


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Start the emulator with its files in a folder; yield its address."""
    server = GcsServer(folder, 0)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def bucket_at(endpoint: str, name: str) -> Iterator[Storage]:
    """Make a bucket, and delete it with all that is in it then.

    Google's client finds the emulator by ``STORAGE_EMULATOR_HOST``, which the caller sets.
    """
    client = Client(project="acme", credentials=AnonymousCredentials())
    bucket = client.create_bucket(name)
    yield Storage("acme", endpoint)
    for blob in client.list_blobs(name):
        blob.delete()
    bucket.delete()
