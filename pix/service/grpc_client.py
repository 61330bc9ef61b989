"""The one place where a gRPC channel is made: like the HTTP clients (`pix.service.http_client`), it ignores proxies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc


def open_channel(
    address: str, options: Sequence[tuple[str, Any]] = (), credentials: grpc.ChannelCredentials | None = None
) -> grpc.Channel:
    """A channel to be closed, encrypted when there are `credentials`. It connects when it is first used."""
    chosen = [*options, ("grpc.enable_http_proxy", 0)]
    if credentials is None:
        return grpc.insecure_channel(address, options=chosen)
    return grpc.secure_channel(address, credentials, options=chosen)
