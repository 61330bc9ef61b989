"""Banks that call the hub by gRPC: `python -m loadtest.bench.callers SCRIPT`, so many calls in flight, each timed.

One process with one event loop and a lean client, for the callers share the machine's cores with what they measure.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import uvloop

from codepix.v1 import common_pb2 as common
from codepix.v1 import directory_pb2 as directory
from lab.read.report import percentile
from loadtest.bench.directory import registration
from loadtest.bench.lean_grpc import CallFailed, LeanChannel, header_block, message_of
from pix.rpc.metadata import credentials

CHANNELS: Final = 4
PHONES_FIRST: Final = 5_511_900_000_000


@dataclass(frozen=True, slots=True)
class CallWorkload:
    addresses: Sequence[str]
    """Of servers that share the calls."""
    call: str
    """`find` (look-ups of the keys), `register` (new keys) or `empty` (a server that does nothing)."""
    banks: Sequence[Mapping[str, str]]
    keys: Sequence[str]
    """E-mail keys that are there."""
    in_flight: int
    warm_up_seconds: float
    seconds: float
    run: int


Call = tuple[bytes, bytes, bytes]
"""The headers, the message, and what the answer must contain."""


async def measure(workload: CallWorkload) -> dict[str, Any]:
    """Calls until the time is over; returns how many calls ended in the measured time, and how long they took."""
    channels = [LeanChannel(workload.addresses[number % len(workload.addresses)]) for number in range(CHANNELS)]
    measured_from = time.perf_counter() + workload.warm_up_seconds
    stop_at = measured_from + workload.seconds
    milliseconds: list[float] = []
    errors: list[str] = []
    calls = _CALLS[workload.call](workload)

    async def call_on(channel: LeanChannel) -> None:
        while True:
            headers, message, wanted = next(calls)
            before = time.perf_counter()
            if before >= stop_at:
                return
            try:
                answer = await channel.call(headers, message)
            except (CallFailed, OSError) as error:
                errors.append(str(error))
            else:
                after = time.perf_counter()
                if wanted not in answer:
                    errors.append(f"the answer is not about {wanted!r}")
                elif measured_from <= before and after < stop_at:
                    milliseconds.append((after - before) * 1000)
            if len(errors) > workload.in_flight:
                return

    await asyncio.gather(*(call_on(channels[number % CHANNELS]) for number in range(workload.in_flight)))
    for channel in channels:
        channel.close()
    milliseconds.sort()
    return {
        "calls": len(milliseconds),
        "per_second": len(milliseconds) / workload.seconds,
        "p50_ms": percentile(milliseconds, 50),
        "p95_ms": percentile(milliseconds, 95),
        "p99_ms": percentile(milliseconds, 99),
        "errors": len(errors),
        "first_error": errors[0] if errors else "",
    }


def _headers(workload: CallWorkload, method: str) -> list[bytes]:
    return [
        header_block(
            workload.addresses[0],
            f"/{_SERVICE}/{method}",
            dict(credentials(bank["ispb"], bank["secret"])),
        )
        for bank in workload.banks
    ]


def _find(workload: CallWorkload) -> Iterator[Call]:
    headers = _headers(workload, "FindKey")
    look_ups = [(message_of(_look_up(key).SerializeToString()), key.encode()) for key in workload.keys]
    while True:
        message, key = random.choice(look_ups)
        yield random.choice(headers), message, key


def _register(workload: CallWorkload) -> Iterator[Call]:
    headers = _headers(workload, "RegisterKey")
    for number in count():
        phone = f"+{PHONES_FIRST + workload.run * 10_000_000 + number}"
        request = registration(common.KEY_KIND_PHONE, phone, f"{workload.run:02d}{number:08d}")
        yield headers[number % len(headers)], message_of(request.SerializeToString()), phone.encode()


def _empty(workload: CallWorkload) -> Iterator[Call]:
    headers = header_block(workload.addresses[0], f"/{_SERVICE}/FindKey", {})
    message = message_of(directory.FindKeyRequest().SerializeToString())
    while True:
        yield headers, message, b""


def _look_up(key: str) -> directory.FindKeyRequest:
    return directory.FindKeyRequest(key=common.PixKey(kind=common.KEY_KIND_EMAIL, key=key))


_SERVICE: Final = directory.DESCRIPTOR.services_by_name["DirectoryService"].full_name
_CALLS: Final[Mapping[str, Callable[[CallWorkload], Iterator[Call]]]] = {
    "find": _find,
    "register": _register,
    "empty": _empty,
}


def main() -> None:
    print(json.dumps(uvloop.run(measure(CallWorkload(**json.loads(sys.argv[1]))))))


if __name__ == "__main__":
    main()
