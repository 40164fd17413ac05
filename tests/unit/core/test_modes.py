"""The closed set of modes, spelt as table files spell them."""

from shared.core.modes import SyncMode


def test_modes_are_the_words_of_table_files() -> None:
    assert [str(m) for m in SyncMode] == ["full", "incremental", "append"]
