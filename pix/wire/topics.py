"""The topics of the network: one to the hub, one to each bank."""

from __future__ import annotations

from typing import Final

HUB_TOPIC: Final = "codepix.hub.v1"


def bank_topic(code: str) -> str:
    """The topic of messages from the hub to the bank with this 3-digit code."""
    return f"codepix.bank.{code}.v1"
