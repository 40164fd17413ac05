"""Where rows go. ``base`` is the protocol; each target is one folder that implements it."""
