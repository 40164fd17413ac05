"""Where rows come from. ``base`` is the protocol; each source is one module that implements it."""
