"""From a checkout to a running environment: build, plan, apply, configure, prove, roll back.

``archives`` makes what the functions are deployed from, ``commands`` runs other people's programs,
``terraform`` is one of them, ``preflight`` looks before anything is changed, ``releases`` remembers
what was deployed, and ``deployment`` tells the story in one call per step. The package is not part
of any archive: nothing that a function imports leads here.
"""
