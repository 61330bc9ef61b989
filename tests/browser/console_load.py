"""What the console costs, and how the map feels, while transfers flow: `python -m tests.browser.console_load`.

A hub with the role `http` alone is a process of its own; beside it a hub in this process decides about transfers at the
rate that is asked for and puts every message on a real broker, so that the console has the messages, the rows and the
tallies of a network under load, and nothing of the load's own cost. Chromium has one page open. Told as JSON: the share
of a core that the console's process took, and the times between frames and between timers in the page.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, Page

from hub.adapters.postgres.unit_of_work import MIGRATIONS
from lab.network.parts.broker import EmbeddedBroker
from lab.network.parts.ports import free_port
from lab.network.parts.postgres import EmbeddedPostgres
from lab.network.parts.process import wait_until
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
from pix.postgres.engine import make_engine
from pix.postgres.migrations import migrate
from pix.runtime.clock import SystemClock
from pix.scheme.messages import Outcome, OutcomeProcessed, Side, TransferAccepted, TransferRequested
from pix.web.client import http_get
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.browser.chromium import chromium
from tests.support.hub import World, make_world, signed
from tests.support.hub_builders import ANA, AURORA, BIA, BIAS_KEY, IPE, e2e

TICK_SECONDS: Final = 0.1
DEADLINE_SECONDS: Final = 60.0
WARM_UP_SECONDS: Final = 2.0
AMOUNT_CENTAVOS: Final = 1
CPU_SHARE_MAX: Final = 0.30
"""Of a core, for the console's process: what it is built to stay below."""
MEASURE: Final = """async (milliseconds) => {
  const gaps = [], delays = [];
  let dots = 0;
  const ends = performance.now() + milliseconds;
  const sorted = (values) => values.sort((one, other) => one - other);
  const at = (values, share) => values[Math.min(values.length - 1, Math.floor(values.length * share))];
  const timers = (async () => {
    while (performance.now() < ends) {
      const from = performance.now();
      await new Promise((go) => setTimeout(go, 20));
      delays.push(performance.now() - from - 20);
    }
  })();
  let last = performance.now();
  while (last < ends) {
    await new Promise((go) => requestAnimationFrame(go));
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    dots = Math.max(dots, document.querySelectorAll(".dot").length);
  }
  await timers;
  sorted(gaps);
  sorted(delays);
  return {
    frames_per_second: gaps.length * 1000 / milliseconds,
    frame_ms: { median: at(gaps, 0.5), p95: at(gaps, 0.95), most: gaps.at(-1) },
    timer_delay_ms: { median: at(delays, 0.5), p95: at(delays, 0.95), most: delays.at(-1) },
    dots_at_once: dots,
  };
}"""


class Load:
    """Transfers at a rate, every message of which is decided upon and put on the broker."""

    def __init__(self, world: World, sink: KafkaSink, transfers_per_second: float) -> None:
        self._world = world
        self._sink = sink
        self._per_tick = max(1, round(transfers_per_second * TICK_SECONDS))
        self._number = 0
        self.messages = 0
        self.stop = threading.Event()

    def run(self) -> None:
        """Until told to stop: in each tick new transfers begin, and those of the last ticks go on."""
        offered: list[str] = []
        confirmed: list[str] = []
        due_seconds = time.monotonic()
        while not self.stop.is_set():
            records: list[Record] = [self._accepted(each) for each in offered]
            for each in confirmed:
                records += [self._processed(each, Side.PAYER), self._processed(each, Side.PAYEE)]
            requested = [self._request() for _ in range(self._per_tick)]
            records += [record for _, record in requested]
            answers = self._world.treat(*records)
            self._sink.publish([*records, *answers])
            self.messages += len(records) + len(answers)
            confirmed, offered = offered, [end_to_end_id for end_to_end_id, _ in requested]
            due_seconds += TICK_SECONDS
            self.stop.wait(max(0.0, due_seconds - time.monotonic()))

    def _request(self) -> tuple[str, Record]:
        self._number += 1
        now_ms = self._world.clock.at_ms = SystemClock().now_ms()
        end_to_end_id = e2e(self._number, AURORA, now_ms)
        message = TransferRequested(end_to_end_id, AMOUNT_CENTAVOS, ANA, BIAS_KEY, BIA.tax_id_masked, "", now_ms)
        return end_to_end_id, signed(message, AURORA)

    def _accepted(self, end_to_end_id: str) -> Record:
        return signed(TransferAccepted(end_to_end_id, AMOUNT_CENTAVOS), IPE)

    def _processed(self, end_to_end_id: str, side: Side) -> Record:
        message = OutcomeProcessed(end_to_end_id, side, Outcome.CONFIRMED, AMOUNT_CENTAVOS, None)
        return signed(message, AURORA if side is Side.PAYER else IPE)


@contextmanager
def console_process(database_url: str, broker: str) -> Iterator[tuple[str, int]]:
    """The console's address and process: a hub with the role `http` alone."""
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "HTTP_PORT": str(port),
        "DEMO_MODE": "true",
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-P", "-m", "hub", "serve", "--roles", "http"]
    with subprocess.Popen(command, env=environment) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _answers(address), DEADLINE_SECONDS, "the console does not answer")
            yield address, process.pid
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        return http_get(f"{address}/health/live").is_success
    except httpx.TransportError:
        return False


def cpu_seconds(process: int) -> float:
    """What a process has used of all cores so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def stage(folder: Path) -> Iterator[tuple[World, KafkaSink, str, int]]:
    """A database, a broker, a hub in this process, and the console in one of its own."""
    with ExitStack() as stack:
        postgres, broker = EmbeddedPostgres(folder / "postgres"), EmbeddedBroker(folder / "broker.log")
        for part in (postgres, broker):
            part.start()
            stack.callback(part.stop)
        postgres.create_database("hub")
        url = postgres.url("hub")
        migrate(url, MIGRATIONS)
        engine = make_engine(url)
        stack.callback(engine.dispose)
        world = make_world(engine)
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, client_id="load")
        sink = KafkaSink(settings)
        stack.callback(sink.close)
        # The topics are there before the console looks for them.
        sink.publish([Record(topic, b"", b"") for topic in (HUB_TOPIC, *(bank_topic(f"00{n}") for n in (1, 2, 3)))])
        address, process = stack.enter_context(console_process(url, broker.bootstrap_servers))
        yield world, sink, address, process


def measure(page: Page, load: Load, process: int, seconds: float) -> dict[str, Any]:
    """What the console's process takes, and how the page feels, over so many seconds."""
    messages, used, began = load.messages, cpu_seconds(process), time.monotonic()
    felt: dict[str, Any] = page.evaluate(MEASURE, seconds * 1000)
    elapsed = time.monotonic() - began
    return {
        "messages_per_second": round((load.messages - messages) / elapsed),
        "console_share_of_a_core": round((cpu_seconds(process) - used) / elapsed, 3),
        "page": {
            name: {key: round(value, 1) for key, value in of.items()} if isinstance(of, dict) else round(of, 1)
            for name, of in felt.items()
        },
    }


def run(browser: Browser, transfers_per_second: float, seconds: float, path: str = "/") -> dict[str, Any]:
    """The whole measurement, beginning with empty folders."""
    with tempfile.TemporaryDirectory(prefix="codepix-console-") as name, ExitStack() as stack:
        world, sink, address, process = stack.enter_context(stage(Path(name)))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        stack.callback(page.close)
        page.set_default_timeout(DEADLINE_SECONDS * 1000)
        load = Load(world, sink, transfers_per_second)
        thread = threading.Thread(target=load.run, name="load", daemon=True)
        thread.start()
        try:
            page.goto(f"{address}{path}")
            page.wait_for_selector("[data-map-state=live]")
            page.wait_for_selector(".dot", state="attached")
            page.wait_for_timeout(WARM_UP_SECONDS * 1000)
            return measure(page, load, process, seconds)
        finally:
            load.stop.set()
            thread.join(DEADLINE_SECONDS)


def main() -> int:
    """Measures, and tells; 1 when the console takes more of a core than it may."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rate", type=float, default=200.0, help="transfers a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to measure")
    parser.add_argument("--path", default="/", help="the page to look at")
    options = parser.parse_args()
    with chromium() as browser:
        told = run(browser, options.rate, options.seconds, options.path)
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0 if told["console_share_of_a_core"] <= CPU_SHARE_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
