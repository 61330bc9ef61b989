"""Whether a network is at rest: nothing is owed by hub or banks, and no record waits to be read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

import httpx

from lab.network.network import Network
from lab.network.run import Run
from lab.read.rest import Refused, Unreachable

LOOK_SECONDS: Final = 0.05
OPEN_SHOWN_MAX: Final = 20
_LAG: Final = re.compile(r"^codepix_consumer_lag_records(?:\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)


def read_open(run: Run) -> list[str]:
    """What keeps the network from being at rest, at most `OPEN_SHOWN_MAX` of it. Raises `Unreachable`."""
    try:
        # First the records, then the rows: what was read in between has become a row by then.
        waiting = [f"{name} has not read {lag} records" for name, lag in _lags(run.network, run.client) if lag]
        found = [f"hub {row['end_to_end_id']}" for row in run.reader.hub.transfers(open_only=True)]
        found += [f"hub {row['return_id']}" for row in run.reader.hub.returns("before", "next", open_only=True)]
        for code, bank in run.rest.items():
            found += [f"{code} {row['end_to_end_id']}" for row in bank.transfers(undecided=True)]
            found += [f"{code} {row['return_id']}" for row in bank.returns("after", "next_cursor", undecided=True)]
    except Refused as refused:
        raise Unreachable(refused.rule) from None
    return (waiting + found)[:OPEN_SHOWN_MAX]


def wait_at_rest(
    run: Run, seconds_max: float, stuck_seconds: float | None = None, pause: Callable[[float], None] = time.sleep
) -> list[str]:
    """Waits until the network is at rest, and returns what is still open at the end: nothing, as a rule.

    With `stuck_seconds` it gives up as soon as the same has been open for so long. Raises `Unreachable`.
    """
    begun = changed = time.monotonic()
    last: list[str] = []
    while found := read_open(run):
        now = time.monotonic()
        if found != last:
            last, changed = found, now
        if now - begun >= seconds_max or (stuck_seconds is not None and now - changed >= stuck_seconds):
            break
        pause(LOOK_SECONDS)
    return found


def _lags(network: Network, client: httpx.Client) -> list[tuple[str, int]]:
    found = []
    for service in network.services:
        try:
            answer = client.get(f"{service.url}/metrics")
        except httpx.HTTPError as error:
            raise Unreachable(f"{service.name} at {service.url} does not answer ({type(error).__name__}).") from error
        found.append((service.name, round(sum(float(value) for value in _LAG.findall(answer.text)))))
    return found
