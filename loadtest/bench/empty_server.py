"""A gRPC server like the hub's whose calls do nothing: `python -m loadtest.bench.empty_server PORT`, for the limit."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any, cast

from codepix.v1 import directory_pb2 as directory
from codepix.v1 import directory_pb2_grpc
from lab.network.parts.ports import LOOPBACK
from pix.rpc.server import serve_grpc


class EmptyDirectory:
    """Answers every look-up with nothing, and knows no other call."""

    def __getattr__(self, call: str) -> Any:
        """Registering the service asks for each of its calls."""
        return _answer_nothing


async def _answer_nothing(_request: directory.FindKeyRequest, _context: Any) -> directory.FindKeyResponse:
    return directory.FindKeyResponse()


def add_services(server: Any) -> Sequence[str]:
    """Adds the service; returns its full name."""
    directory_pb2_grpc.add_DirectoryServiceServicer_to_server(cast(Any, EmptyDirectory()), server)
    return [directory.DESCRIPTOR.services_by_name["DirectoryService"].full_name]


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    serve_grpc(add_services, LOOPBACK, int(sys.argv[1]), stop)


if __name__ == "__main__":
    main()
