"""The parts of a cluster that need neither root nor processes: links, options, and what the lab reads of Kafka."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from lab.network.cluster.links import Link
from lab.network.cluster.namespaces import check_machine
from lab.network.cluster.quorum import active_controller
from lab.network.parts.errors import PartMissing
from lab.prove.cluster.steady import describe_link


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"delay_ms": -1}, "delay is -1, and goes from 0 to 10000"),
        ({"loss_percent": 101}, "loss is 101, and goes from 0 to 100"),
        ({"delay_ms": 1, "jitter_ms": 2}, r"jitter is 2 ms, and is at most the delay \(1 ms\)"),
        ({"bandwidth_mbit": 0}, "bandwidth is 0 Mbit/s, and goes from 0.01 to 100000"),
        ({"delay_ms": float("nan")}, "delay is nan"),
    ],
)
def test_a_link_that_cannot_be_is_refused(fields: dict[str, float], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Link(**fields)


def test_a_link_is_described_for_people() -> None:
    link = Link(delay_ms=2, jitter_ms=0.5, loss_percent=1, bandwidth_mbit=10)
    assert describe_link(link) == "2 ms ± 0.5 ms, 1 % lost, 10 Mbit/s"
    assert describe_link(Link()) == "as fast as the machine"


@pytest.mark.parametrize(
    ("platform", "user_id", "sentence"),
    [("darwin", 0, "A cluster needs Linux"), ("win32", 0, "A cluster needs Linux"), ("linux", 1000, "needs root")],
)
def test_elsewhere_a_cluster_is_refused_in_one_sentence(platform: str, user_id: int, sentence: str) -> None:
    with pytest.raises(PartMissing, match=sentence) as refused:
        check_machine(platform, user_id)
    assert "\n" not in str(refused.value)


QUORUM = struct.pack("!iBhB", 1, 0, 0, 2) + bytes([19]) + b"__cluster_metadata" + struct.pack("!Bihi", 2, 0, 0, 3)


@pytest.mark.parametrize(
    ("answer", "leader"),
    [(QUORUM, 3), (QUORUM[:-4] + struct.pack("!i", -1), None), (struct.pack("!iBhB", 1, 0, 41, 1), None)],
)
def test_the_active_controller_is_read_from_the_answer(answer: bytes, leader: int | None) -> None:
    assert ask_with_answer(struct.pack("!i", len(answer)) + answer) == leader


@pytest.mark.parametrize("answer", [struct.pack("!i", 3) + b"abc", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_an_answer_that_cannot_be_read_is_an_error(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"an answer has|too short"):
        ask_with_answer(answer)


def ask_with_answer(answer: bytes) -> int | None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return active_controller("127.0.0.1", server.getsockname()[1], 30)
        finally:
            thread.join()
