"""Sluice at a scale that no laptop has: a discrete-event simulation with measured unit costs.

``python -m local.simulation`` plays ten thousand tables on the hour and a table of ten terabytes,
and writes ``docs/scale.md`` with a plot. From the bottom up: ``costs`` says what one call, row and
second takes and what it costs, ``platform`` is Pub/Sub's pushes and Cloud Run's instances,
``scenarios`` is the work, ``page`` the report.

What it does not do: failures and redelivery after them, leases that run out, Snowflake's own
queueing, the target's locks, noise between neighbours; times of one kind of call are all the same.
"""
