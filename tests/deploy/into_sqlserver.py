"""What is run inside of an unpacked archive: a row goes into SQL Server, by the archive's modules.

The first argument says, as JSON, how the server is reached and what the secrets are. Prints the
row as SQL Server has it, and the libraries that the process has loaded.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from shared.config.connections import SqlServerConnection
from shared.core.schemas import Column, DataType, Kind
from shared.secrets import Secret
from shared.targets.sqlserver import connection, sending

NUMBER = DataType(kind=Kind.DECIMAL, precision=38, scale=2)
COLUMNS = [Column(name="n", type=NUMBER), Column(name="t", type=DataType(kind=Kind.TEXT))]


class Given:
    """The secrets that the arguments give."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def get(self, name: str) -> Secret:
        """Return a secret."""
        return Secret(self._texts[name].encode())


def main() -> None:
    """Insert a row, read it, print it."""
    given = json.loads(sys.argv[1])
    number = pa.array([Decimal(given["row"][0])], pa.decimal128(38, 2))
    rows = pa.record_batch({"n": number, "t": [given["row"][1]]})
    reach = SqlServerConnection.model_validate(given["reach"])
    session = connection.connect(reach, Given(given["secrets"]))
    cursor = session.cursor()
    cursor.execute("CREATE TABLE dbo.bare (n decimal(38,2), t nvarchar(max))")
    sending.send(cursor, "[dbo].[bare]", COLUMNS, [rows], part="one", destination={})
    session.commit()
    cursor.execute("SELECT n, t FROM dbo.bare")
    found = [str(value) for value in cursor.fetchone()]
    session.close()
    maps = Path("/proc/self/maps").read_text().splitlines()
    loaded = sorted({line.split()[-1] for line in maps if ".so" in line})
    sys.stdout.write(json.dumps({"row": found, "loaded": loaded}))


main()
