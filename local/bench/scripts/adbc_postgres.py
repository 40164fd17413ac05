"""ADBC: FILE URI TABLE, Arrow record batches by binary COPY."""

import sys

import adbc_driver_postgresql.dbapi
import pyarrow.csv

with adbc_driver_postgresql.dbapi.connect(sys.argv[2]) as connection:
    with connection.cursor() as cursor, pyarrow.csv.open_csv(sys.argv[1]) as blocks:
        cursor.adbc_ingest(sys.argv[3], blocks, mode="create_append")
    connection.commit()
