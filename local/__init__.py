"""The cloud on a laptop: the other end of every wire that the product speaks on.

The product itself has one implementation of storage, bus and secrets, Google's own clients; what
is local is only the server that they talk to.

``postgres``      a real PostgreSQL from a wheel
``snowflake``     DuckDB behind Snowflake's own protocol, for the real connector
``sqlserver``     TDS and T-SQL over a PostgreSQL of its own, for Microsoft's ODBC driver
``bigquery``      BigQuery's REST API over DuckDB, for Google's client
``gcs``           Cloud Storage with true generation preconditions
``pubsub``        Pub/Sub: pushes, acknowledgements, dead letters
``control_plane`` Pub/Sub, Secret Manager and Cloud Scheduler in one process
``supervisor``    starts all of it, and the real functions, and keeps it running
``provision``     buckets, topics, subscriptions, secrets, jobs: what Terraform does in the cloud
``demo``          a real data set through the whole of it
``bench``         the same work beside other programs, timed
``simulation``    ten thousand tables on virtual time, with measured costs
``faultpoints``   where a function can be killed or cut off, for tests
``faulty``        servers that fail in the ways of the real ones, for tests
"""
