"""Look-ups of keys: what answers them, and how many a bank may have: a bucket per bank; a miss takes more than a hit.

After the DICT's policy ENTRIES_READ_PARTICIPANT_ANTISCAN: a found key costs one token and an unknown one three, for who
pays knows the key, and who collects names and numbers guesses. The DICT gives its largest banks 25,000 tokens a minute
and 50,000 at once; ours has a thousand a second, so that a load test meets the hub's limits rather than this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry
from hub.domain.known_banks import KnownBanks
from pix.scheme.buckets import BucketPolicy
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object

LOOK_UPS_OF_A_BANK: Final = BucketPolicy(capacity=120_000, tokens_per_minute=60_000)
HIT_COST: Final = 1
MISS_COST: Final = 3

Payee = tuple[KeyEntry, Bank]
"""Who is paid by a key, and the bank of the account."""


@value_object
class DirectoryReading:
    """What the database knew at one moment for look-ups that came at the same time: who may ask, and who is paid."""

    known: KnownBanks
    entries: Mapping[PixKey, KeyEntry]

    def payee(self, key: PixKey) -> Payee | None:
        """The payee of the key; None when it is not registered."""
        entry = self.entries.get(key)
        return None if entry is None else (entry, self.known.banks[entry.ispb])
