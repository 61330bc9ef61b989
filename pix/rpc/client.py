"""The one place where a gRPC channel is made: like the HTTP clients (`pix.web.client`), it ignores proxies.

No call on it waits without an end, whatever the caller forgets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import grpc

CALL_SECONDS_MAX: Final = 60
"""For calls that name no shorter time; gRPC itself would wait without an end."""
SERVICE_CONFIG: Final = "grpc.service_config"


def open_channel(
    address: str,
    options: Sequence[tuple[str, Any]] = (),
    credentials: grpc.ChannelCredentials | None = None,
    call_seconds_max: float = CALL_SECONDS_MAX,
) -> grpc.Channel:
    """A channel to be closed, encrypted when there are `credentials`. It connects when it is first used.

    Every call on it ends after `call_seconds_max`, or after the `timeout` that the caller gives, if that is shorter.
    """
    given = dict(options)
    # gRFC A2: an empty name stands for every method. The library keeps the limit, at no cost for a call.
    config = json.loads(given.pop(SERVICE_CONFIG, "{}"))
    config["methodConfig"] = [*config.get("methodConfig", ()), {"name": [{}], "timeout": f"{call_seconds_max:.3f}s"}]
    chosen = [*given.items(), (SERVICE_CONFIG, json.dumps(config)), ("grpc.enable_http_proxy", 0)]
    if credentials is None:
        return grpc.insecure_channel(address, options=chosen)
    return grpc.secure_channel(address, credentials, options=chosen)
