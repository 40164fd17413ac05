"""Purges: a person's rows found in parts, originals, rejects and dropped files, and taken out.

``searching`` finds, ``removing`` takes out, ``subjects`` tells which rows are the person's. What is
rewritten gets a new name, and the run's manifest, replaced last, is where old becomes new: until
then nothing has changed, and afterwards only what nothing names is left to delete.
"""
