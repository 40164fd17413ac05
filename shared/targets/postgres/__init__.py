"""PostgreSQL: binary COPY into an unlogged staging table, then one transaction.

``types`` maps column types, ``sql`` builds statements, ``connection`` opens and sorts failures,
``copying`` encodes Arrow for COPY, ``dialect`` hands these to ``shared.targets.relational``, and
``target`` adds the way straight into the table.
"""
