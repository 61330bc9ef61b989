"""Asks Apache Kafka which of its controllers is the active one, which its clients' libraries cannot be asked.

The request is DescribeQuorum (KIP-595), version 0, of which we read no more than the leader. In KRaft the "controller"
of a client's metadata is any broker.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

DESCRIBE_QUORUM: Final = 55
METADATA_TOPIC: Final = b"__cluster_metadata"
CORRELATION_ID: Final = 1
ANSWER_BYTES_MAX: Final = 1024 * 1024
NO_LEADER: Final = -1


def active_controller(address: str, port: int, seconds_max: float) -> int | None:
    """The node id of the active controller as this broker knows it; None when there is none.

    Raises OSError when the broker does not answer, ValueError when its answer cannot be read.
    """
    with socket.create_connection((address, port), timeout=seconds_max) as connection:
        connection.settimeout(seconds_max)
        request = _request()
        connection.sendall(struct.pack("!i", len(request)) + request)
        (length,) = struct.unpack("!i", _read(connection, 4))
        if not 0 < length <= ANSWER_BYTES_MAX:
            raise ValueError(f"an answer has 1 to {ANSWER_BYTES_MAX} bytes, not {length}")
        answer = _read(connection, length)
    return _leader_of(answer)


def _request() -> bytes:
    no_tags = b"\0"
    header = struct.pack("!hhih", DESCRIBE_QUORUM, 0, CORRELATION_ID, -1) + no_tags
    partitions = b"\x02" + struct.pack("!i", 0) + no_tags
    # Compact lengths are one more than the number.
    topic = bytes([len(METADATA_TOPIC) + 1]) + METADATA_TOPIC + partitions + no_tags
    return header + b"\x02" + topic + no_tags


def _leader_of(answer: bytes) -> int | None:
    at = 4 + 1
    try:
        error, topics = struct.unpack_from("!hB", answer, at)
        if error or topics < 2:
            return None
        name_length = answer[at + 3] - 1
        at += 4 + name_length
        partitions, _, partition_error, leader = struct.unpack_from("!Bihi", answer, at)
    except (struct.error, IndexError):
        raise ValueError("the answer to DescribeQuorum is too short") from None
    return None if partition_error or partitions < 2 or leader == NO_LEADER else int(leader)


def _read(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = connection.recv(count - len(found))
        if not piece:
            raise ConnectionError("the broker has closed the connection")
        found += piece
    return found
