"""List prices in US dollars: the only place that has them; docs/costs.md shows them to people.

From the price pages of each service, as known on the day below, for us-central1, before discounts
and taxes. Not fetched anew on that day, and not compared with a bill.
"""

from datetime import date

AS_OF = date(2026, 11, 21)

VCPU_SECOND = 0.000024
GIB_SECOND = 0.0000025
"""Functions at work. Source: Cloud Run, "Pricing", request-based billing."""

STORAGE_WRITE = 0.05 / 10_000
STORAGE_READ = 0.004 / 10_000
"""Class A and B of standard storage in one region. Source: Cloud Storage, "Pricing"."""

STORAGE_GB_MONTH = 0.020
"""Standard storage."""

MESSAGE_TIB = 40.0
MESSAGE_BYTES = 1_000
"""Each message is charged as at least so many bytes, published and delivered. Source: Pub/Sub,
"Pricing"."""

JOB_MONTH = 0.10
"""One job of Cloud Scheduler."""

QUERY_TIB = 6.25
"""On-demand queries. Source: BigQuery, "Pricing"."""

CREDIT = 3.00
"""One credit of Snowflake's Enterprise edition on demand; contracts differ. Source: Snowflake,
"Pricing"."""

CREDITS_PER_SECOND = 1 / 3_600
"""Of a warehouse of size X-Small; each larger size takes twice as many. Source: Snowflake, "Virtual
warehouse credit usage"."""

VCPUS = {"extract": 1, "ingest": 2, "load": 2, "sweep": 1}
MEMORY_GIB = {"extract": 2.0, "ingest": 2.0, "load": 2.0, "sweep": 0.5}
"""What a second of each function is charged for. Source: terraform/modules/catalog/functions.tf."""
