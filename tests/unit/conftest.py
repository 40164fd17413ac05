"""Properties are timed by the whole suite, not one by one: the machine may be busy."""

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=40)
settings.load_profile("unit")
