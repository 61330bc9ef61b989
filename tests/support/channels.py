"""How a test connects to a gRPC server that it has just started."""

from __future__ import annotations

from typing import Final

TRIES_AT_ONCE: Final = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50)]
"""Options of a channel. By default one that came before its server listened tries again only after a second."""
