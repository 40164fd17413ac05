"""Working ahead: order, failures, bounds and the thread's end."""

import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from shared.ahead import ahead, side_by_side

WAIT_S = 5.0


def test_items_come_in_their_order():
    with ahead(iter(range(100)), depth=3) as items:
        assert list(items) == list(range(100))


def test_failure_comes_where_it_happened():
    def failing() -> Iterator[int]:
        yield 1
        raise FileNotFoundError("gone")

    with ahead(failing()) as items:
        assert next(items) == 1
        with pytest.raises(FileNotFoundError, match="gone"):
            next(items)


def test_no_more_than_depth_and_two_items_are_alive():
    made, taken = [], []
    enough, too_many = threading.Event(), threading.Event()

    def counted() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            if len(made) == 2:
                enough.set()
            if len(made) - len(taken) > 3:
                too_many.set()
            yield number

    with ahead(counted(), depth=1) as items:
        assert enough.wait(WAIT_S)
        for item in items:
            taken.append(item)

    assert taken == list(range(20))
    assert not too_many.is_set()


def test_leaving_early_ends_the_thread_and_closes_the_generator():
    closed = threading.Event()
    before = threading.active_count()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    with ahead(endless()) as items:
        next(items)

    assert closed.is_set()
    assert threading.active_count() == before


def test_failure_of_the_consumer_is_the_one_that_is_raised():
    def endless() -> Iterator[int]:
        while True:
            yield 1

    with pytest.raises(KeyError), ahead(endless()) as items:
        raise KeyError(next(items))


def test_thread_sees_the_context_of_its_caller():
    subject: ContextVar[str] = ContextVar("subject", default="nobody")
    token = subject.set("flights")

    with ahead(subject.get() for _ in range(1)) as items:
        found = list(items)

    subject.reset(token)
    assert found == ["flights"]


def test_calls_side_by_side_give_their_results_in_order():
    both = threading.Barrier(2)

    def doubled(number: int) -> int:
        both.wait(WAIT_S)  # one call alone would wait in vain
        return 2 * number

    assert list(side_by_side(range(10), doubled, at_once=2)) == list(range(0, 20, 2))


def test_failure_of_a_call_comes_when_its_result_is_due():
    def call(number: int) -> int:
        if number == 1:
            raise FileNotFoundError("gone")
        return number

    results = side_by_side(range(3), call, at_once=3)

    assert next(results) == 0
    with pytest.raises(FileNotFoundError, match="gone"):
        next(results)


def test_no_more_calls_are_made_than_may_be_under_way():
    made: list[int] = []
    results = side_by_side(range(20), made.append, at_once=3)

    next(results)
    results.close()

    assert made == [0, 1, 2]
