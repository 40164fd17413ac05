"""A fault point before and after every I/O of the functions, without a hook in their code.

``seams`` and ``links`` wrap what reaches out: Cloud Storage, Pub/Sub, Secret Manager,
each HTTP request below them, and the connections to both databases. ``points`` names an I/O,
``deliveries`` counts them within one delivery and does there what a ``boards`` board says.

Points are found by running, never listed: a run that is watched says which there are.
"""
