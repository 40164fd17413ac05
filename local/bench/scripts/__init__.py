"""The peers' side: short programs in the way that their own documentation shows.

Each runs in an environment of its own and gets everything as arguments.
"""
