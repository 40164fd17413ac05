"""Where rows go. ``base`` is the protocol; each target is one folder that implements it.

``relational`` is what databases with SQL and transactions share. What stands here besides is
for all of them: ``fitting`` compares the columns of a table with those of a run, and ``columns``
says what an engine brings for it.
"""
