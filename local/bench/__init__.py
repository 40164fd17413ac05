"""Sluice beside its peers: the same data, the same machine, the same PostgreSQL, in turn.

``python -m local.bench`` makes the data, sets up every peer in an environment of its own, runs all
of them round by round, and writes ``docs/benchmarks.md`` with its plots. Figures are medians; what
counts are the ratios of one run, since machines differ.
"""
