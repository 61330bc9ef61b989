"""How many keys a bank may look up: a bucket per bank, from which a miss takes more than a hit.

After the DICT's policy ENTRIES_READ_PARTICIPANT_ANTISCAN: a found key costs one token and an unknown one three, for who
pays knows the key, and who collects names and numbers guesses. The DICT gives its largest banks 25,000 tokens a minute
and 50,000 at once; ours has a thousand a second, so that a load test meets the hub's limits rather than this one.
"""

from __future__ import annotations

from typing import Final

from pix.scheme.buckets import BucketPolicy

LOOK_UPS_OF_A_BANK: Final = BucketPolicy(capacity=120_000, tokens_per_minute=60_000)
HIT_COST: Final = 1
MISS_COST: Final = 3
