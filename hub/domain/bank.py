"""A bank as the hub knows it: the operator adds it, and it announces itself when it joins."""

from __future__ import annotations

from pix.scheme.features import Feature
from pix.scheme.values import value_object


@value_object
class Bank:
    ispb: str
    code: str
    """Three digits."""
    name: str
    color: str
    """`#rrggbb`"""
    url: str = ""
    """Where people reach its pages; empty until it joins."""
    version: str = ""
    active: bool = True
    joined_at_ms: int | None = None
    """When it last announced itself; None before the first time."""
    features: frozenset[Feature] = frozenset()
    """What it understands, as it last announced; empty for a version that announces nothing."""
    payload_host: str = ""
    """`host` or `host:port` of the payloads of its dynamic codes; empty when it has none."""


@value_object
class BankSecret:
    """A secret that the hub shares with a bank, in the two forms in which the hub keeps it; never in clear."""

    ispb: str
    secret_sha256: bytes
    """Proves a caller of gRPC; the secret itself cannot be had from it."""
    wire_key: bytes
    """Opaque here: a wire derives it from the secret and proves senders with it. No use for gRPC."""
    added_at_ms: int


VERSION_LENGTH_MAX = 40

SECRETS_PER_BANK_MAX = 2
"""While a bank changes its secret, the old and the new one are valid."""
