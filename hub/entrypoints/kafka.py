"""Kafka calls the hub: the group that consumes its topic."""

from __future__ import annotations

from typing import Final

CONSUMER_GROUP: Final = "codepix-hub"
