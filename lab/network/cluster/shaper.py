"""Delays, drops and paces packets between network namespaces: `python shaper.py SOCKET SEED NAMESPACE…`.

The kernel hands it the head of each packet of a queue (NFQUEUE), and sends the packet on its way when it gets the
verdict, so that a delay is a verdict given later. The packet itself stays in the kernel. In the namespace of index
`sender`, queue number `receiver` has the packets to the host of that index. The module netem of tc would do the same;
many kernels, those of small virtual machines above all, are built without it.

A connection to SOCKET gives the links as one line of JSON, and is answered with one line. It runs as a file and
imports nothing of the lab.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

DONE: Final = b"done\n"

# From <linux/netlink.h>, <linux/netfilter/nfnetlink.h> and <linux/netfilter/nfnetlink_queue.h>.
NETLINK_NETFILTER: Final = 12
NLM_F_REQUEST: Final = 1
NLM_F_ACK: Final = 4
NLMSG_ERROR: Final = 2
SUBSYSTEM_QUEUE: Final = 3 << 8
PACKET: Final = SUBSYSTEM_QUEUE | 0
VERDICT: Final = SUBSYSTEM_QUEUE | 1
CONFIG: Final = SUBSYSTEM_QUEUE | 2
CONFIG_COMMAND: Final = 1
CONFIG_PARAMETERS: Final = 2
CONFIG_QUEUE_LENGTH: Final = 3
CONFIG_MASK: Final = 4
CONFIG_FLAGS: Final = 5
FLAG_WHOLE_SEGMENTS: Final = 1 << 2
"""NFQA_CFG_F_GSO: what a program has sent at once is one packet, as long as it fits into 64 KiB."""
COMMAND_BIND: Final = 1
COPY_PACKET: Final = 2
ATTRIBUTE_PACKET_HEADER: Final = 1
ATTRIBUTE_VERDICT_HEADER: Final = 2
ATTRIBUTE_PAYLOAD: Final = 10
ATTRIBUTE_TYPE_MASK: Final = 0x3FFF
DROP: Final = 0
ACCEPT: Final = 1
CLONE_NEWNET: Final = 0x40000000
SO_RCVBUFFORCE: Final = 33
SOL_NETLINK: Final = 270
NETLINK_NO_ENOBUFS: Final = 5

IP_HEADER_BYTES: Final = 20
QUEUE_PACKETS_MAX: Final = 16_384
RECEIVE_BUFFER_BYTES: Final = 8 * 1024 * 1024
DATAGRAM_BYTES_MAX: Final = 64 * 1024
RECEIVES_IN_A_ROW_MAX: Final = 256
BACKLOG_SECONDS_MAX: Final = 0.5
"""A link whose packets would wait longer than this for its bandwidth drops them, as a router's queue does."""
TABLE_BYTES_MAX: Final = 4 * 1024 * 1024
CONTROL_TIMEOUT_SECONDS: Final = 10.0


@dataclass(slots=True)
class Lane:
    """One direction between two hosts."""

    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    loss: float = 0.0
    seconds_a_byte: float = 0.0
    free_at: float = 0.0
    """When the last byte of the packets so far is on the line."""
    last_due: float = 0.0


@dataclass(slots=True)
class Shaper:
    random: random.Random
    queues: list[socket.socket]
    """One for each sender."""
    lanes: dict[tuple[int, int], Lane] = field(default_factory=dict)
    waiting: list[tuple[float, int, int, int, int]] = field(default_factory=list)
    """A heap of (due, sequence, sender, queue number, packet id)."""
    sequence: int = 0

    def take_table(self, table: list[dict[str, Any]]) -> None:
        """Replaces the links. Packets that wait keep their time."""
        lanes: dict[tuple[int, int], Lane] = {}
        for row in table:
            pair = (int(row["sender"]), int(row["receiver"]))
            lane = self.lanes.get(pair) or Lane()
            lane.delay_seconds = row["delay_ms"] / 1000
            lane.jitter_seconds = row["jitter_ms"] / 1000
            lane.loss = row["loss_percent"] / 100
            lane.seconds_a_byte = 8 / (row["bandwidth_mbit"] * 1e6) if row["bandwidth_mbit"] else 0.0
            lanes[pair] = lane
        self.lanes = lanes

    def receive(self, sender: int) -> None:
        """Reads what has come, and decides on each packet."""
        queue = self.queues[sender]
        for _ in range(RECEIVES_IN_A_ROW_MAX):
            try:
                data = queue.recv(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    continue
                raise
            now = time.monotonic()
            for kind, body in messages(data):
                if kind == PACKET:
                    self.decide(sender, body, now)

    def decide(self, sender: int, body: bytes, now: float) -> None:
        (receiver,) = struct.unpack_from("!H", body, 2)
        found = attributes(body[4:])
        (packet_id,) = struct.unpack_from("!I", found[ATTRIBUTE_PACKET_HEADER])
        lane = self.lanes.get((sender, receiver))
        if lane is None:
            self.answer(sender, receiver, packet_id, ACCEPT)
            return
        if lane.loss and self.random.random() < lane.loss:
            self.answer(sender, receiver, packet_id, DROP)
            return
        if lane.seconds_a_byte:
            (length,) = struct.unpack_from("!H", found.get(ATTRIBUTE_PAYLOAD, b"\0\0\0\0"), 2)
            begins = max(now, lane.free_at)
            if begins - now > BACKLOG_SECONDS_MAX:
                self.answer(sender, receiver, packet_id, DROP)
                return
            lane.free_at = begins + length * lane.seconds_a_byte
        jitter = self.random.uniform(-lane.jitter_seconds, lane.jitter_seconds) if lane.jitter_seconds else 0.0
        due = max(max(now, lane.free_at) + lane.delay_seconds + jitter, lane.last_due)
        lane.last_due = due
        self.sequence += 1
        heapq.heappush(self.waiting, (due, self.sequence, sender, receiver, packet_id))

    def release_due(self) -> float | None:
        """Lets the packets go whose time has come. Returns the seconds until the next one, None without any."""
        while self.waiting:
            wait = self.waiting[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, _, sender, receiver, packet_id = heapq.heappop(self.waiting)
            self.answer(sender, receiver, packet_id, ACCEPT)
        return None

    def answer(self, sender: int, queue_number: int, packet_id: int, verdict: int) -> None:
        body = attribute(ATTRIBUTE_VERDICT_HEADER, struct.pack("!II", verdict, packet_id))
        # The namespace, or the packet's interface, may be gone by now.
        with contextlib.suppress(OSError):
            self.queues[sender].send(message(VERDICT, NLM_F_REQUEST, queue_number, body))


def attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + b"\0" * (-length % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & ATTRIBUTE_TYPE_MASK] = data[at + 4 : at + length]
        at += length + (-length % 4)
    return found


def message(kind: int, flags: int, queue_number: int, body: bytes) -> bytes:
    payload = struct.pack("!BBH", socket.AF_UNSPEC, 0, queue_number) + body
    return struct.pack("=IHHII", 16 + len(payload), kind, flags, 0, 0) + payload


def messages(data: bytes) -> list[tuple[int, bytes]]:
    """Each message's type, and its body after the netlink header."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if length < 16:
            break
        found.append((kind, data[at + 16 : at + length]))
        at += length + (-length % 4)
    return found


def open_queues(namespace: str, count: int) -> socket.socket:
    """A socket of the namespace that owns queues 0 to count - 1. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace {namespace}")
        queue = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)
    queue.bind((0, 0))
    queue.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    queue.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
    for number in range(count):
        body = attribute(CONFIG_COMMAND, struct.pack("!BBH", COMMAND_BIND, 0, socket.AF_INET))
        body += attribute(CONFIG_PARAMETERS, struct.pack("!IB", IP_HEADER_BYTES, COPY_PACKET))
        body += attribute(CONFIG_QUEUE_LENGTH, struct.pack("!I", QUEUE_PACKETS_MAX))
        body += attribute(CONFIG_FLAGS, struct.pack("!I", FLAG_WHOLE_SEGMENTS))
        body += attribute(CONFIG_MASK, struct.pack("!I", FLAG_WHOLE_SEGMENTS))
        queue.send(message(CONFIG, NLM_F_REQUEST | NLM_F_ACK, number, body))
        for kind, answer in messages(queue.recv(DATAGRAM_BYTES_MAX)):
            (code,) = struct.unpack_from("=i", answer)
            if kind == NLMSG_ERROR and code != 0:
                raise OSError(-code, f"the kernel gives no packet queue in {namespace}: {os.strerror(-code)}")
    queue.setblocking(False)
    return queue


def serve_control(listener: socket.socket, shaper: Shaper) -> None:
    """Takes one table from one connection."""
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.settimeout(CONTROL_TIMEOUT_SECONDS)
        line = connection.makefile("rb").readline(TABLE_BYTES_MAX)
        try:
            shaper.take_table(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            connection.sendall(f"{type(error).__name__}: {error}\n".encode())
            return
        connection.sendall(DONE)


def main(arguments: list[str]) -> None:
    """Shapes packets until it is killed."""
    socket_file, seed, *namespaces = arguments
    shaper = Shaper(
        random.Random(int(seed)),
        [open_queues(namespace, len(namespaces)) for namespace in namespaces],
    )
    Path(socket_file).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(socket_file)
        listener.listen()
        senders = {queue.fileno(): sender for sender, queue in enumerate(shaper.queues)}
        sources = [listener.fileno(), *senders]
        while True:
            # Not epoll, which would round a wait up to whole milliseconds.
            readable, _, _ = select.select(sources, [], [], shaper.release_due())
            for descriptor in readable:
                if descriptor in senders:
                    shaper.receive(senders[descriptor])
                else:
                    serve_control(listener, shaper)


if __name__ == "__main__":
    main(sys.argv[1:])
