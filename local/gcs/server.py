"""The emulator as a whole: the state directory, the store over it, the socket in front of it."""

import fcntl
import socketserver
from pathlib import Path

from local.gcs.batch_api import BatchApi
from local.gcs.bucket_api import BucketApi
from local.gcs.buckets import Buckets
from local.gcs.connection import Connection
from local.gcs.contents import Contents
from local.gcs.copy_api import CopyApi
from local.gcs.database import Database
from local.gcs.download_api import DownloadApi
from local.gcs.faults import Faults
from local.gcs.journal import Journal
from local.gcs.messages import Request, Response, json_response
from local.gcs.notifications import Notifier
from local.gcs.object_api import ObjectApi
from local.gcs.objects import Objects
from local.gcs.records import Change
from local.gcs.routes import Route, Router
from local.gcs.sessions import Sessions
from local.gcs.upload_api import UploadApi


class GcsServer(socketserver.ThreadingTCPServer):
    """An emulator on 127.0.0.1, one thread for each connection.

    `serve_forever` answers until `shutdown`; nothing is lost by simply ending the process.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, state_dir: Path, port: int, *, notify_endpoint: str | None = None) -> None:
        """Open the state and the port.

        Args:
            state_dir: folder of this emulator alone; made when missing.
            port: TCP port on 127.0.0.1.
            notify_endpoint: host and port of a Pub/Sub emulator; None drops all notifications.

        Raises:
            BlockingIOError: another emulator uses the state directory.
            OSError: the port is taken.
        """
        state_dir.mkdir(parents=True, exist_ok=True)
        self._lock = (state_dir / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        super().__init__(("127.0.0.1", port), Connection)
        self.faults = Faults()
        self.journal = Journal()
        self._notifier: Notifier | None = None
        database = Database(state_dir / "catalogue.sqlite3")
        contents = Contents(state_dir / "contents")
        buckets = Buckets(database)
        objects = Objects(database, contents, self._on_change)
        sessions = Sessions(database, contents)
        contents.sweep({*objects.file_ids(), *sessions.file_ids()})
        if notify_endpoint is not None:
            base_url = f"http://127.0.0.1:{self.server_address[1]}"
            self._notifier = Notifier(buckets, self.faults, notify_endpoint, base_url)
        downloads = DownloadApi(objects)
        self._router = Router(
            [
                *downloads.routes(),
                *UploadApi(database, objects, contents, sessions).routes(),
                *ObjectApi(database, objects, downloads.download).routes(),
                *CopyApi(buckets, objects, contents).routes(),
                *BucketApi(buckets).routes(),
                *BatchApi(self.dispatch).routes(),
                *self.faults.routes(),
                *self.journal.routes(),
                Route("GET", "/_health", _health),
            ]
        )

    def dispatch(self, request: Request) -> Response:
        """Answer one request."""
        return self._router.dispatch(request)

    def server_close(self) -> None:
        """Give back the port and the state directory."""
        super().server_close()
        self._lock.close()

    def _on_change(self, change: Change) -> None:
        if self._notifier is not None:
            self._notifier.on_change(change)


def _health(_: Request) -> Response:
    return json_response({"status": "ok"})
