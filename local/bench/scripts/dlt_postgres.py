"""dlt: FILE URI TABLE, by Arrow and its CSV loading, which is its fastest way."""

import sys
import tempfile

import dlt
import pyarrow.csv

folder = tempfile.mkdtemp()
pipeline = dlt.pipeline(
    "load",
    destination=dlt.destinations.postgres(sys.argv[2]),
    dataset_name="dlt_bench",
    pipelines_dir=folder,
)


@dlt.resource(name=sys.argv[3], write_disposition="append")
def orders():
    yield from pyarrow.csv.open_csv(sys.argv[1])


pipeline.run(orders, loader_file_format="csv").raise_on_failed_jobs()
