"""Token buckets: the rate limit of look-ups, as in the real directory. A miss costs more tokens than a hit.

After the DICT's policies ENTRIES_READ_PARTICIPANT_ANTISCAN and ENTRIES_READ_USER_ANTISCAN: a payer looks up keys that
exist, and a collector of people's data gets misses. Pure: the caller passes the time.
"""

from __future__ import annotations

import math

from pix.scheme.values import value_object

MS_PER_MINUTE = 60_000
COST_OF_A_TRY = 1
"""What must be there for a try; it may cost more, and the bucket is then below zero."""


@value_object
class BucketPolicy:
    capacity: float
    tokens_per_minute: float


@value_object
class Bucket:
    """The tokens that were there at a time; below zero they are a debt."""

    tokens: float
    at_ms: int


def full(policy: BucketPolicy, now_ms: int) -> Bucket:
    return Bucket(policy.capacity, now_ms)


def filled(bucket: Bucket, policy: BucketPolicy, now_ms: int) -> Bucket:
    """The bucket as it is now; a clock that went back adds nothing and takes nothing."""
    minutes = max(0, now_ms - bucket.at_ms) / MS_PER_MINUTE
    return Bucket(min(policy.capacity, bucket.tokens + minutes * policy.tokens_per_minute), max(bucket.at_ms, now_ms))


def spent(bucket: Bucket, tokens: float) -> Bucket:
    """The bucket after a cost. It may be below zero: tries that began together on the last token are all paid for."""
    return Bucket(bucket.tokens - tokens, bucket.at_ms)


def given_back(bucket: Bucket, policy: BucketPolicy, tokens: float) -> Bucket:
    return Bucket(min(policy.capacity, bucket.tokens + tokens), bucket.at_ms)


def wait_ms(bucket: Bucket, policy: BucketPolicy) -> int:
    """How long until one may try; 0 when one may now."""
    lacking = COST_OF_A_TRY - bucket.tokens
    return 0 if lacking <= 0 else math.ceil(lacking / policy.tokens_per_minute * MS_PER_MINUTE)
