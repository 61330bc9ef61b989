"""Token buckets: what is spent, how it comes back, and how long one waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.buckets import Bucket, BucketPolicy, filled, full, given_back, spent, wait_ms

POLICY = BucketPolicy(capacity=100, tokens_per_minute=2)


def test_a_new_bucket_is_full_and_nobody_waits() -> None:
    assert wait_ms(full(POLICY, 0), POLICY) == 0


def test_an_empty_bucket_has_a_token_after_half_a_minute() -> None:
    bucket = spent(full(POLICY, 0), 100)
    assert wait_ms(bucket, POLICY) == 30_000
    assert wait_ms(filled(bucket, POLICY, 29_999), POLICY) == 1
    assert wait_ms(filled(bucket, POLICY, 30_000), POLICY) == 0


def test_what_is_over_is_owed() -> None:
    bucket = spent(Bucket(5, 0), 20)
    assert bucket.tokens == -15
    assert wait_ms(bucket, POLICY) == 8 * 60_000, "16 tokens at two a minute"


def test_what_is_given_back_does_not_make_it_fuller_than_full() -> None:
    assert given_back(full(POLICY, 0), POLICY, 5).tokens == 100
    assert given_back(Bucket(3, 0), POLICY, 1).tokens == 4


def test_a_clock_that_goes_back_adds_nothing_and_takes_nothing() -> None:
    bucket = Bucket(3, 60_000)
    assert filled(bucket, POLICY, 0) == bucket


@given(st.lists(st.tuples(st.integers(-1_000, 600_000), st.sampled_from([1, 3, 20])), max_size=40))
def test_a_bucket_never_gives_more_than_it_holds_and_what_has_come_in(moves: list[tuple[int, int]]) -> None:
    bucket, now_ms, latest_ms, tries = full(POLICY, 0), 0, 0, 0
    for step_ms, cost in moves:
        now_ms += step_ms
        latest_ms = max(latest_ms, now_ms)
        bucket = filled(bucket, POLICY, now_ms)
        assert bucket.tokens <= POLICY.capacity
        if wait_ms(bucket, POLICY) == 0:
            tries += 1
            bucket = spent(bucket, cost)
    assert tries <= POLICY.capacity + latest_ms / 60_000 * POLICY.tokens_per_minute
