"""dlt: FILE FOLDER, CSV by pandas in chunks into Parquet files."""

import sys
from pathlib import Path

import dlt
import pandas as pd

folder = Path(sys.argv[2]).resolve()
destination = dlt.destinations.filesystem(bucket_url=folder.as_uri())
pipeline = dlt.pipeline(
    "intake", destination=destination, dataset_name="bench", pipelines_dir=str(folder / "state")
)


@dlt.resource(name="orders", write_disposition="replace")
def orders():
    yield from pd.read_csv(sys.argv[1], chunksize=100_000, parse_dates=["created_at", "day"])


pipeline.run(orders, loader_file_format="parquet").raise_on_failed_jobs()
