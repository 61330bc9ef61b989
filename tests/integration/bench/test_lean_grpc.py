"""The benchmark's own gRPC client against a real server of gRPC."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvloop

from codepix.v1 import common_pb2 as common
from codepix.v1 import directory_pb2 as directory
from lab.network.parts.ports import LOOPBACK, free_port
from lab.network.parts.process import wait_until
from loadtest.bench.empty_server import add_services
from loadtest.bench.lean_grpc import CallFailed, LeanChannel, header_block, message_of
from pix.rpc.server import serve_grpc
from pix.runtime.addresses import join_host_port

CALLS = 3_000
"""More bytes than the server's first window holds."""
METADATA = {"codepix-ispb": "00000001", "codepix-secret": "a secret of the tests"}
FIND_KEY = "/codepix.v1.DirectoryService/FindKey"
REQUEST = directory.FindKeyRequest(key=common.PixKey(kind=common.KEY_KIND_EMAIL, key="somebody@example.com"))


@pytest.fixture
def port() -> Iterator[int]:
    chosen, stop = free_port(), threading.Event()
    server = threading.Thread(target=serve_grpc, args=(add_services, LOOPBACK, chosen, stop))
    server.start()
    wait_until(lambda: _listens(chosen), 15, "the server to listen")
    yield chosen
    stop.set()
    server.join(15)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def call(port: int, path: str, *messages: bytes) -> list[bytes | BaseException]:
    """All of them at once, on one channel."""

    async def all_at_once() -> list[bytes | BaseException]:
        channel = LeanChannel(join_host_port(LOOPBACK, port))
        headers = header_block(join_host_port(LOOPBACK, port), path, METADATA)
        answers = []
        for message in messages:
            answers.append(asyncio.ensure_future(channel.call(headers, message)))
            # As many at a time as the server takes before it has read any.
            if len(answers) % 50 == 0:
                await asyncio.gather(*answers[-50:])
        found = await asyncio.gather(*answers, return_exceptions=True)
        channel.close()
        return found

    return uvloop.run(all_at_once())


def test_many_calls_are_answered(port: int) -> None:
    message = message_of(REQUEST.SerializeToString())
    assert len(message) * CALLS > 65_535
    assert call(port, FIND_KEY, *[message] * CALLS) == [b""] * CALLS


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/codepix.v1.DirectoryService/NoSuchCall", message_of(b"")),
        (FIND_KEY, message_of(b"\xff\xff")),
    ],
    ids=["unknown", "no protobuf"],
)
def test_another_status_than_ok_is_a_failure(port: int, path: str, message: bytes) -> None:
    (failure,) = call(port, path, message)
    assert isinstance(failure, CallFailed)


def test_a_header_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        header_block("h", "/p", {"name": "v" * 200})
