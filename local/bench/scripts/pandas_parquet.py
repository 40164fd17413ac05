"""pandas: FILE PARQUET."""

import sys

import pandas as pd

pd.read_csv(sys.argv[1], parse_dates=["created_at", "day"]).to_parquet(sys.argv[2])
