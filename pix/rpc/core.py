"""How the core of a gRPC server is to run. It looks when gRPC is first imported, so no gRPC is imported here."""

import os
from collections.abc import Mapping
from typing import Final

READS_WHERE_EVENTS_ARE_AWAITED: Final[Mapping[str, str]] = {"GRPC_EXPERIMENTS": "-event_engine_listener"}
"""The core reads a server's connections in the thread that waits for the server's events, as it did for years.

Otherwise it reads them in threads of its own, and a call that is answered at once takes four changes of threads.
"""


def prepare_core() -> None:
    """To be called before anything imports gRPC. What the environment says already stays."""
    for name, value in READS_WHERE_EVENTS_ARE_AWAITED.items():
        os.environ.setdefault(name, value)
