"""Who this bank is."""

from __future__ import annotations

from pix.scheme.features import Feature
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
    features: frozenset[Feature] = frozenset()
    """What it has announced to the hub that it understands; empty also with a hub of an older version."""
    payload_host: str = ""
    """`host` or `host:port` of the payloads of its dynamic codes; empty when it has none."""
