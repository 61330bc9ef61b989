"""How many keys a customer may look up: a bucket per account, from which a miss takes far more than a hit.

After the DICT's policy ENTRIES_READ_USER_ANTISCAN: a person's bucket holds 100 tokens and gets two a minute, that of a
company 1,000 and 20; a found key costs one, which comes back with the payment, and an unknown one 20.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pix.scheme.buckets import BucketPolicy
from pix.scheme.people import HolderKind

LOOK_UPS_OF_A_CUSTOMER: Final[Mapping[HolderKind, BucketPolicy]] = MappingProxyType(
    {
        HolderKind.PERSON: BucketPolicy(capacity=100, tokens_per_minute=2),
        HolderKind.COMPANY: BucketPolicy(capacity=1_000, tokens_per_minute=20),
    }
)
HIT_COST: Final = 1
MISS_COST: Final = 20
