"""Snowflake: Arrow batches from one query at one snapshot, key-pair authentication only.

``types`` maps column types, ``sql`` builds statements, ``connection`` opens and sorts failures,
``arrow`` brings batches to one schema, and ``source`` tells the story.
"""
