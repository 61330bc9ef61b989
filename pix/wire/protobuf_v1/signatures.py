"""Signatures of records: HMAC-SHA256 over topic, type and value.

The key is derived from the secret that the bank and the hub share, so neither accepts a message for another topic.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Final

SIGNED_HEADS_MAX: Final = 1_024
"""A stranger's topic and type may be any text: what is kept of them is bounded."""

_SIGNING_PURPOSE: Final = b"codepix/v1/kafka-signing"
# No signed head begins like this: it begins with a length of four bytes.
_CLOCK_PURPOSE: Final = b"codepix/v1/clock:"


def signing_key(secret: str) -> bytes:
    """The key of a bank's signatures, derived from its secret: 32 bytes.

    The hub stores this and a hash of the secret, never the secret, so its tables authenticate no gRPC call.
    """
    return hmac.new(secret.encode(), _SIGNING_PURPOSE, hashlib.sha256).digest()


def sign(key: bytes, topic: str, message_type: str, value: bytes) -> bytes:
    """HMAC-SHA256 over topic, type and value, each preceded by its length so that no two splits read alike."""
    # `hmac.digest` is one call into OpenSSL; an HMAC object that is fed part by part costs four times as much.
    return hmac.digest(key, _signed_head(topic, message_type) + len(value).to_bytes(4, "big") + value, "sha256")


def sign_clock(key: bytes, text: str) -> bytes:
    """HMAC-SHA256 over the text of a clock's revision, for another purpose than messages have."""
    return hmac.digest(key, _CLOCK_PURPOSE + text.encode(), "sha256")


@lru_cache(maxsize=SIGNED_HEADS_MAX)
def _signed_head(topic: str, message_type: str) -> bytes:
    """What a signature covers in front of the value: the same for every record of a type on a topic."""
    parts = (topic.encode(), message_type.encode())
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
