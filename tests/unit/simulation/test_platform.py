"""The simulated platform: nothing gets lost, and no more works at once than there are instances."""

import pytest

from local.simulation.platform import MAX_DELIVERIES, Clock, Function, Message


def played(*, messages: int, max_instances: int, work_s: float = 1.0) -> tuple[Function, list[int]]:
    """Publish messages at once and let all of them come to an end."""
    ended: list[int] = []
    function = Function(Clock(), "extract", max_instances, start_s=2.0)
    for number in range(messages):
        function.publish(Message(lambda: work_s, then=lambda n=number: ended.append(n)))
    function.clock.run()
    return function, ended


@pytest.mark.parametrize("messages", [1, 50, 2_000])
def test_every_message_ends_once_or_is_a_dead_letter(messages: int) -> None:
    function, ended = played(messages=messages, max_instances=3)

    assert len(set(ended)) == len(ended) == messages - function.dead_letters


def test_no_more_instances_work_at_once_than_there_may_be() -> None:
    function, _ = played(messages=500, max_instances=7)

    assert function.peak == 7


def test_work_takes_the_instances_time_and_their_start() -> None:
    function, _ = played(messages=100, max_instances=4)

    assert function.worked_s == 100 * 1.0 + 4 * 2.0
    assert function.clock.now_s >= function.worked_s / 4


def test_pushes_that_find_no_instance_are_refused_and_come_back() -> None:
    function, ended = played(messages=200, max_instances=1, work_s=5.0)

    assert function.refusals > 0
    assert len(ended) + function.dead_letters == 200


def test_message_refused_as_often_as_allowed_is_a_dead_letter() -> None:
    function, _ = played(messages=2_000, max_instances=1, work_s=60.0)

    assert function.dead_letters > 0
    assert function.refusals >= MAX_DELIVERIES * function.dead_letters
