"""What a bank's version understands beside transfers to a key. A bank announces it when it joins the network."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Feature(StrEnum):
    """A part of the protocol that an older participant does not know.

    The hub refuses with AG12 what needs a feature that the other bank has not announced: that bank could not read it.
    A hub that knows a feature lists it among those of the bank, so that the bank knows what it may send.
    """

    RETURNS = "returns"
    """Messages of returns."""
    MANU = "manu"
    """Transfers whose payer typed bank, branch and account: they have no key."""
    BATCHES = "batches"
    """Several messages in one record. Without it each message is a record; no transfer depends on it."""


FEATURES: Final = frozenset(Feature)
"""What this version understands."""


def known_features(names: Iterable[str]) -> frozenset[Feature]:
    """The features of these names. Leaves out names of a newer version."""
    known = frozenset(names)
    return frozenset(feature for feature in Feature if feature.value in known)
