"""pandas: FILE URI TABLE, many rows per INSERT."""

import sys

import pandas as pd
import sqlalchemy

engine = sqlalchemy.create_engine(sys.argv[2].replace("postgresql://", "postgresql+psycopg://"))
for chunk in pd.read_csv(sys.argv[1], chunksize=50_000, parse_dates=["created_at", "day"]):
    chunk.to_sql(sys.argv[3], engine, if_exists="append", index=False)
