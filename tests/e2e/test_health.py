"""Readiness tells the truth: which part is away, why, and that it is back; liveness does not depend on others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from lab.network.network import Network
from lab.network.parts.process import wait_until
from lab.read.snapshot import NetworkReader
from pix.web.client import http_get

SEEN_SECONDS_MAX = 20.0
ANSWER_SECONDS_MAX = 6.0
QUIET_SECONDS_MAX = 60.0

Answer = TypeVar("Answer")


class Watcher:
    """Who asks a hub and a bank how they are, as a container platform does."""

    def __init__(self, network: Network) -> None:
        self._urls = [network.hub_url, network.banks[0].url]

    def parts(self, url: str) -> tuple[int, dict[str, str]]:
        answer = http_get(f"{url}/health/ready", timeout=ANSWER_SECONDS_MAX)
        return answer.status_code, answer.json()["parts"]

    def of_each(self, look: Callable[[str], Answer]) -> list[Answer]:
        """Looks at both at the same time: a probe that hangs takes its time before it says no."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(look, self._urls))

    def await_trouble(self, part: str, reason: str) -> None:
        def look(url: str) -> None:
            def in_trouble() -> bool:
                status, parts = self.parts(url)
                return status == 503 and reason in parts[part]

            wait_until(in_trouble, SEEN_SECONDS_MAX, f"{url} to say of {part}: {reason}")
            assert http_get(f"{url}/health/live", timeout=ANSWER_SECONDS_MAX).status_code == 200

        self.of_each(look)

    def await_ready(self) -> None:
        def look(url: str) -> None:
            def ready() -> bool:
                status, parts = self.parts(url)
                return status == 200 and set(parts.values()) == {"ok"}

            wait_until(ready, SEEN_SECONDS_MAX, f"{url} to be ready")

        self.of_each(look)

    def metric(self, part: str) -> list[float]:
        """What the metrics say of the part."""
        texts = self.of_each(lambda url: http_get(f"{url}/metrics", timeout=ANSWER_SECONDS_MAX).text)
        lines = [line for text in texts for line in text.splitlines()]
        # Other figures are answered as well while the part is away.
        assert any("codepix_hub_transfers_total" in text for text in texts)
        return [float(line.split()[-1]) for line in lines if line.startswith(f'codepix_part_up{{part="{part}"}}')]


@pytest.fixture
def watcher(network: Network) -> Watcher:
    watcher = Watcher(network)
    watcher.await_ready()
    return watcher


@pytest.mark.parametrize(
    ("breaks", "mends", "part", "reason"),
    [
        (lambda n: n.postgres.stop(), lambda n: n.postgres.start(), "database", "the database does not answer"),
        (lambda n: n.postgres.freeze(), lambda n: n.postgres.thaw(), "database", "no answer within 2.5 s"),
        (lambda n: n.broker.freeze(), lambda n: n.broker.thaw(), "broker", "the broker does not answer"),
    ],
    ids=["the database stops", "the database hangs", "the broker hangs"],
)
def test_a_part_that_is_away_is_named_and_comes_back(
    network: Network,
    watcher: Watcher,
    reader: NetworkReader,
    breaks: Callable[[Network], None],
    mends: Callable[[Network], None],
    part: str,
    reason: str,
) -> None:
    breaks(network)
    try:
        watcher.await_trouble(part, reason)
        wait_until(lambda: watcher.metric(part) == [0.0, 0.0], SEEN_SECONDS_MAX, "the metrics to say so")
    finally:
        mends(network)
    watcher.await_ready()
    assert reader.wait_for_quiet(QUIET_SECONDS_MAX)
