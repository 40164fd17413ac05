"""Pub/Sub on a laptop: what Google's publisher and subscriber clients speak to, and what pushes.

``server``          the process: state directory, gRPC port, control routes
``publisher_api``   topics, publish
``subscriber_api``  subscriptions, pull, streaming pull, acknowledgement
``resources``       names, limits and defaults of topics, subscriptions and messages
``filters``         the filter language
``broker``          topics and backlogs; fans a published message out; dead letters
``backlog``         one subscription's unacknowledged messages: leases, retries, order
``store``           SQLite: what survives a killed process
``push``            HTTP pushes, with ``identity`` signing their OIDC tokens
``faults``          bad days on demand
``control``         health, statistics, faults, pending messages and certificates over HTTP

At-least-once, as the real service: a message is durable before its publish is acknowledged (a
killed process loses nothing; a power cut may), and after a restart everything unacknowledged is
delivered again, at once. A push that outlasts the ack deadline is pushed again while the first one
still runs, and its late success still acknowledges the message.

Where the real service leaves room, this one is plain: a redelivery waits
``minimum_backoff * 2^(attempt-1)``, at most ``maximum_backoff``, without jitter; without a retry
policy it waits 0.1 s; one message per ordering key is out at a time, on pull as on push; deliveries
are counted exactly; ``attributes.k != "v"`` also matches messages without ``k``.

What it does not do: exactly-once delivery, snapshots and seek, retention and expiry (messages and
subscriptions live until acknowledged or deleted), schemas, message transforms, unwrapped pushes,
BigQuery and Cloud Storage subscriptions, ``max_outstanding_bytes``, IAM, quotas, and slowing down
for a push endpoint that fails. What a caller asks for and does not get is refused, not ignored.
Google's client, when ``PUBSUB_EMULATOR_HOST`` is set, receives at most 4 MiB at once: a larger
message can be pushed, but not pulled.
"""
