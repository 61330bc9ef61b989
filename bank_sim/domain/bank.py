"""Who this bank is."""

from __future__ import annotations

from pix.scheme.values import value_object


@value_object
class BankIdentity:
    """What makes the one bank app this bank: `code` is three digits, `ispb` eight characters, `color` #rrggbb."""

    code: str
    ispb: str
    name: str
    color: str


@value_object
class Participant:
    """A bank of the network, as the hub lists it. `url` may be empty."""

    ispb: str
    code: str
    name: str
    color: str
    url: str
    active: bool
