"""BigQuery: one load job into a staging table, then one script that publishes in a transaction.

``types`` maps column types, ``identifiers`` quotes, ``sql`` and ``columns`` build statements,
``connection`` opens clients and sorts failures, ``jobs`` runs what may happen once, ``tables``
makes and describes tables, ``bookkeeping`` and ``records`` know the dataset ``_sluice``,
``drifting`` and ``dialect`` compare columns, ``staging`` loads, ``measuring`` proves, ``changes``
decides what a run does to the rows of its table, ``publishing`` makes them visible, ``rebuilding``
puts an earlier state together, ``versions`` keeps what a load replaces, ``reading`` shows what is
there, ``target`` tells the story.

A transaction lives within one job here: a function that dies leaves none open, as it would in a
session, for up to a day. No statement that defines a table may stand in it, so tables are made
before and dropped after, and what is read to decide about a publish is read before it. The epoch in
the state row ties the two together: it is the first thing that the script changes, from the value
that the decision was made on, or not at all (docs/adr/0010).
"""
