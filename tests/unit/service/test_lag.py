"""How long a sweeper waits for a consumer that is behind."""

from __future__ import annotations

from pix.messaging.kafka.lag import LAG_RECORDS_MAX, LAG_SECONDS_MAX, ForgivenLag


def test_a_consumer_that_stays_behind_stops_resending_for_a_while_and_not_for_ever() -> None:
    now_seconds, waiting = 0.0, LAG_RECORDS_MAX + 1
    lag = ForgivenLag(lambda: waiting, lambda: now_seconds)
    resent_at = []
    for _ in range(100):
        if lag.records() <= LAG_RECORDS_MAX:
            resent_at.append(now_seconds)
        now_seconds += 1.0
    assert resent_at == [LAG_SECONDS_MAX, 2 * LAG_SECONDS_MAX, 3 * LAG_SECONDS_MAX]
    waiting = 3
    assert lag.records() == 3
    waiting = LAG_RECORDS_MAX + 1
    assert lag.records() == waiting
