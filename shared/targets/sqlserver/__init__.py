"""SQL Server: blocks of JSON into a staging table, then one transaction under an application lock.

``types`` maps column types, ``checks`` finds values that SQL Server would alter, ``sending``
writes Arrow as JSON, ``sql`` builds statements, ``connection`` opens and sorts failures, and
``dialect`` hands these to ``shared.targets.relational``.
"""
