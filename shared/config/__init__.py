"""Tables are data: YAML files, merged with an environment and validated once, at the edge.

``documents`` reads YAML and remembers the line of every key, ``models`` says what is allowed,
``resolve`` merges and validates, ``schedule`` turns a schedule into moments, and ``store`` keeps
the resolved result in the config bucket, from where the functions read it.
"""
