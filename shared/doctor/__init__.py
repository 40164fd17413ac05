"""Looks at a running environment, deployed or on a laptop, through the clients that it uses itself.

Each module holds checks of one kind, which change nothing; ``findings`` is what they return, and
``examination`` does them all at once. The package is not part of any archive.
"""
