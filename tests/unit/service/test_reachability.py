"""Who is reachable again after an absence, and what is retransmitted then."""

from __future__ import annotations

import pytest

from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.participant.reachability import GRACE_MS, Comeback, Reachability, RetransmitMissed
from pix.scheme.retransmission import RetransmissionPolicy
from tests.support.clock import TurnedClock

AURORA, IPE = "00000001", "00000002"
ABSENT_MS = 4_000


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def reachability(clock: TurnedClock) -> Reachability:
    return Reachability(clock, lambda: clock.at_ms, ABSENT_MS)


def due_of(reachability: Reachability) -> list[str]:
    return sorted(comeback.counterpart for comeback, _ in reachability.due())


def settle(reachability: Reachability, clock: TurnedClock) -> None:
    """All that waited has been sent."""
    clock.turn(GRACE_MS)
    for comeback, _ in reachability.due():
        reachability.note_progress(comeback, None)


def test_who_is_seen_for_the_first_time_gets_what_was_missed_after_a_while_for_reading(
    reachability: Reachability, clock: TurnedClock
) -> None:
    reachability.note_seen([AURORA])
    since_ms = clock.at_ms
    clock.turn(GRACE_MS - 1)
    assert reachability.due() == []
    clock.turn(1)
    assert reachability.due() == [(Comeback(AURORA, since_ms), None)]


def test_only_who_was_absent_comes_back(reachability: Reachability, clock: TurnedClock) -> None:
    reachability.note_seen([AURORA, IPE])
    settle(reachability, clock)
    assert due_of(reachability) == []

    clock.turn(ABSENT_MS - GRACE_MS)
    reachability.note_missing(AURORA)
    reachability.note_seen([AURORA, IPE])
    clock.turn(GRACE_MS)
    assert due_of(reachability) == [], "a heartbeat that was late is no absence"

    clock.turn(ABSENT_MS)
    reachability.note_missing(AURORA)
    reachability.note_seen([AURORA, IPE])
    clock.turn(GRACE_MS)
    assert due_of(reachability) == [AURORA], "no sign of life of the other was missed"


def test_once_the_broker_takes_records_again_all_who_are_there_have_missed_some(
    reachability: Reachability, clock: TurnedClock
) -> None:
    reachability.note_seen([AURORA, IPE])
    settle(reachability, clock)
    clock.turn(ABSENT_MS)
    reachability.note_seen([AURORA])
    reachability.note_missing(IPE)
    reachability.note_broker(answers=True)
    assert due_of(reachability) == []

    reachability.note_broker(answers=False)
    clock.turn(GRACE_MS)
    assert due_of(reachability) == []
    reachability.note_broker(answers=True)
    clock.turn(GRACE_MS)
    assert due_of(reachability) == [AURORA]


def test_nothing_is_retransmitted_to_who_has_much_to_read(reachability: Reachability, clock: TurnedClock) -> None:
    reachability.note_seen([AURORA])
    reachability.note_lag(AURORA, LAG_RECORDS_MAX + 1)
    clock.turn(GRACE_MS)
    assert due_of(reachability) == []
    reachability.note_lag(AURORA, LAG_RECORDS_MAX)
    assert due_of(reachability) == [AURORA]


def test_what_was_missed_goes_out_batch_by_batch(reachability: Reachability, clock: TurnedClock) -> None:
    reachability.note_seen([AURORA])
    clock.turn(GRACE_MS)
    batches: list[int | None] = []

    def retransmit_waiting(_comeback: Comeback, before_ms: int | None) -> tuple[int, int | None]:
        batches.append(before_ms)
        return 500, {None: 70, 70: 60, 60: None}[before_ms]

    retransmit_missed = RetransmitMissed(reachability, retransmit_waiting, lambda: True)
    assert [retransmit_missed() for _ in range(4)] == [500, 500, 500, 0]
    assert batches == [None, 70, 60]


def test_a_broker_to_which_nothing_is_published_is_asked_whether_it_is_back(
    reachability: Reachability, clock: TurnedClock
) -> None:
    reachability.note_seen([AURORA])
    settle(reachability, clock)
    answers = [True, False]
    retransmit_missed = RetransmitMissed(reachability, lambda _comeback, _before_ms: (1, None), answers.pop)
    reachability.note_broker(answers=False)
    assert retransmit_missed() == 0
    clock.turn(GRACE_MS)
    assert retransmit_missed() == 0
    clock.turn(GRACE_MS)
    assert retransmit_missed() == 1
    assert answers == []


@pytest.mark.parametrize("attempt", [0, 1, 7])
def test_a_message_was_missed_that_was_sent_before_its_receiver_was_back(attempt: int) -> None:
    policy = RetransmissionPolicy()
    sent_at_ms = 1_000_000
    resend_at_ms = sent_at_ms + policy.delay_ms("E1", attempt)
    assert policy.was_sent_before("E1", attempt, resend_at_ms, sent_at_ms + 1)
    assert not policy.was_sent_before("E1", attempt, resend_at_ms, sent_at_ms)
