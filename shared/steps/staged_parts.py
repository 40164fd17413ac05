"""The rows of a staged part, as every step reads them."""

from collections.abc import Iterator

import pyarrow as pa

from shared.core.manifests import Part
from shared.core.schemas import TableSchema
from shared.stage.arrow import arrow_schema
from shared.stage.reader import read_part
from shared.wiring import Services


def rows_of(services: Services, part: Part, schema: TableSchema) -> Iterator[pa.RecordBatch]:
    """Yield a part's rows, its bytes verified before the first of them.

    Raises:
        IntegrityError: it is not what the manifest says.
        InvalidConfigError: the key that it is encrypted under cannot be read.
    """
    bucket = services.settings.bucket("staging")
    return read_part(services.storage, bucket, part, arrow_schema(schema), services.envelope)
