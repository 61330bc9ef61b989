"""Banks that call the hub by gRPC: `python -m loadtest.bench.callers SCRIPT`, so many calls in flight, each timed.

One process with one event loop, for the callers share the machine's cores with what they measure.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc

from codepix.v1 import common_pb2 as common
from codepix.v1 import directory_pb2 as directory
from codepix.v1 import directory_pb2_grpc
from loadtest.bench.directory import registration
from loadtest.bench.result import percentile

CHANNELS: Final = 4
PHONES_FIRST: Final = 5_511_900_000_000


@dataclass(frozen=True, slots=True)
class CallScript:
    """What to call."""

    address: str
    call: str
    """`find` (look-ups of the keys), `register` (new keys) or `empty` (a server that does nothing)."""
    banks: Sequence[Mapping[str, str]]
    keys: Sequence[str]
    """E-mail keys that are there."""
    in_flight: int
    warm_up_seconds: float
    seconds: float
    run: int


async def measure(script: CallScript) -> dict[str, Any]:
    """Calls until the time is over; returns how many calls ended in the measured time, and how long they took."""
    channels = [
        grpc.aio.insecure_channel(script.address, options=[("grpc.use_local_subchannel_pool", 1)])
        for _ in range(CHANNELS)
    ]
    stubs = [directory_pb2_grpc.DirectoryServiceStub(channel) for channel in channels]
    measured_from = time.perf_counter() + script.warm_up_seconds
    stop_at = measured_from + script.seconds
    milliseconds: list[float] = []
    errors: list[str] = []
    numbers = iter(range(10**9))
    make = _makers(script)[script.call]

    async def call_on(stub: Any) -> None:
        call = make(stub, numbers)
        while True:
            before = time.perf_counter()
            if before >= stop_at:
                return
            try:
                await call()
            except grpc.aio.AioRpcError as error:
                errors.append(str(error.details()))
                if len(errors) > script.in_flight:
                    return
                continue
            after = time.perf_counter()
            if measured_from <= before and after < stop_at:
                milliseconds.append((after - before) * 1000)

    await asyncio.gather(*(call_on(stubs[number % CHANNELS]) for number in range(script.in_flight)))
    for channel in channels:
        await channel.close(None)
    milliseconds.sort()
    return {
        "calls": len(milliseconds),
        "per_second": len(milliseconds) / script.seconds,
        "p50_ms": percentile(milliseconds, 50),
        "p95_ms": percentile(milliseconds, 95),
        "p99_ms": percentile(milliseconds, 99),
        "errors": len(errors),
        "first_error": errors[0] if errors else "",
    }


def _makers(script: CallScript) -> dict[str, Callable[[Any, Any], Callable[[], Awaitable[Any]]]]:
    metadata = [(("codepix-ispb", bank["ispb"]), ("codepix-secret", bank["secret"])) for bank in script.banks]
    look_ups = [directory.FindKeyRequest(key=common.PixKey(kind=common.KEY_KIND_EMAIL, key=key)) for key in script.keys]

    def find(stub: Any, _numbers: Any) -> Callable[[], Awaitable[Any]]:
        return lambda: stub.FindKey(random.choice(look_ups), metadata=random.choice(metadata))

    def register(stub: Any, numbers: Any) -> Callable[[], Awaitable[Any]]:
        def call() -> Awaitable[Any]:
            number = next(numbers)
            phone = f"+{PHONES_FIRST + script.run * 10_000_000 + number}"
            request = registration(common.KEY_KIND_PHONE, phone, f"{script.run:02d}{number:08d}")
            answer: Awaitable[Any] = stub.RegisterKey(request, metadata=metadata[number % len(metadata)])
            return answer

        return call

    def empty(stub: Any, _numbers: Any) -> Callable[[], Awaitable[Any]]:
        request = directory.FindKeyRequest()
        return lambda: stub.FindKey(request)

    return {"find": find, "register": register, "empty": empty}


def main() -> None:
    """Plays the script and prints the figures."""
    print(json.dumps(asyncio.run(measure(CallScript(**json.loads(sys.argv[1]))))))


if __name__ == "__main__":
    main()
