"""pandas: FILE URI TABLE, by arrays of rows that the driver sends at once.

Texts have a bounded length: without one the driver sends each row by itself.
"""

import sys

import pandas as pd
import sqlalchemy

DRIVER = "driver=ODBC+Driver+18+for+SQL+Server&TrustServerCertificate=yes"

engine = sqlalchemy.create_engine(
    f"{sys.argv[2].replace('mssql://', 'mssql+pyodbc://')}?{DRIVER}", fast_executemany=True
)
texts = dict.fromkeys(("name", "email", "note"), sqlalchemy.NVARCHAR(400))
for chunk in pd.read_csv(sys.argv[1], chunksize=50_000, parse_dates=["created_at", "day"]):
    chunk.to_sql(sys.argv[3], engine, if_exists="append", index=False, dtype=texts)
