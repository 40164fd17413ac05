"""BigQuery's columns, as a comparison with a run's columns needs them."""

from shared.targets.bigquery import columns, types
from shared.targets.columns import ColumnDialect

COLUMNS = ColumnDialect(sql=columns, types=types)
