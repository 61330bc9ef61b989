"""Whether the installed grpcio has the names on which `pix.rpc.calls` rests; none of them is a public interface."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc

NAMES_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "grpc._server": ("_ServerStage", "_process_event_and_continue", "_request_call", "_request_registered_call"),
    "grpc._cython.cygrpc": (
        "CompletionType",
        "ReceiveCloseOnServerOperation",
        "ReceiveMessageOperation",
        "SendInitialMetadataOperation",
        "SendMessageOperation",
        "SendStatusFromServerOperation",
        "auth_context",
    ),
}
ATTRIBUTES_NEEDED: Final = ("completion_queue", "lock", "registered_method_handlers", "rpc_states", "server", "stage")
"""Of the state of gRPC's own server."""


def why_core_does_not_fit(names: Mapping[str, Sequence[str]] = NAMES_NEEDED) -> str:
    """The first thing that the installed grpcio lacks, in a sentence; empty when it has everything."""
    for module_name, needed in names.items():
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            return f"grpcio {grpc.__version__} has no {module_name}"
        for name in needed:
            if not hasattr(module, name):
                return f"grpcio {grpc.__version__} has no {module_name}.{name}"
    with ThreadPoolExecutor(1) as threads:
        state = getattr(grpc.server(threads), "_state", None)
    missing = [name for name in ATTRIBUTES_NEEDED if not hasattr(state, name)]
    return f"grpcio {grpc.__version__}: the state of its server has no {missing[0]}" if missing else ""
