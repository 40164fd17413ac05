"""Parquet files as blocks of cells, within bounds whatever their footers and pages claim.

``footers`` opens a file, ``pages`` watches what is read of it, ``batches`` brings its rows. What
Arrow's types are here is in ``columns``; ``texts`` and ``nesting`` write values as the cells of
other kinds are written, and ``rows`` makes blocks.

Imported only where such a file comes, for Arrow's reader takes time to load.
"""
