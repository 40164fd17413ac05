"""What all databases with SQL and transactions have in common as targets.

``dialect`` says what an engine must bring; ``target`` tells the story, ``bookkeeping`` keeps the
fence and the records, ``staging`` and ``rebuilding`` fill a run's own tables, and ``changes``
decides what a run does to the rows of its table. ``drifting`` applies the table's policy to what
its columns lack.
"""
