"""Stored objects, as records, messages and people name them."""


def place(bucket: str, name: str, generation: int) -> str:
    """Return the name of one generation of one object."""
    return f"gs://{bucket}/{name}#{generation}"
