"""Hostile records among payments: `python -m tests.e2e.hostile_records --records 100000 --kafka embedded|apache`.

Writes records that no participant sends to the hub's and the banks' topics, through librdkafka itself, while
customers pay. Says what became of the payments, what the audit finds, how much memory each process took at most, and
how long the lists of dead letters take. Exit code 1 when a payment is not final, the audit fails or a bound is passed.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import httpx

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, good_payments, read_outcomes
from lab.network.network import DEMO_BANKS, KafkaKind, Network, NetworkSettings
from lab.network.parts.process import is_true_within
from lab.read.rest import BankRest, new_client
from lab.read.snapshot import NetworkReader
from pix.messaging.kafka.client import BATCH_BYTES_MAX
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.support.raw_records import SPECIAL, RawProducer, RawRecord

MEGABYTE: Final = 1 << 20
MEMORY_MB_MAX: Final = 300
LIST_SECONDS_MAX: Final = 1.0
LETTERS_LISTED: Final = 500
QUIET_SECONDS_MAX: Final = 120.0
DIGESTED_SECONDS_MAX: Final = 240.0
AUDIT_SECONDS_MAX: Final = 20.0
RETRY_SECONDS_MAX: Final = 60.0
STEP_RECORDS: Final = 200
BOMB_EVERY: Final = 500

PACKED_BYTES: Final = BATCH_BYTES_MAX - 8 * 1024
BOMBS: Final = {
    # What fits into a request to the embedded broker; each codec packs zeros as tightly as it can.
    "gzip": PACKED_BYTES * 1_000,
    "lz4": PACKED_BYTES * 240,
    "snappy": PACKED_BYTES * 20,
    "zstd": 64 * MEGABYTE,
}
"""The size of a bomb, unpacked, by codec."""


@dataclass
class Findings:
    """What a run found."""

    payments: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    is_quiet: bool = False
    is_audited: bool = False
    dead_letters: dict[str, int] = field(default_factory=dict)
    """Different ones, by participant."""
    memory_mb: dict[str, int] = field(default_factory=dict)
    """At most, by process."""
    list_seconds: dict[str, float] = field(default_factory=dict)
    processes_ended: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def faults(self, list_seconds_max: float = LIST_SECONDS_MAX) -> list[str]:
        """What is not as it must be."""
        found = []
        if not self.is_quiet or dict(self.outcomes) != {"completed": self.payments}:
            found.append(f"of {self.payments} payments: {dict(self.outcomes)}, quiet: {self.is_quiet}")
        if not self.is_audited:
            found.append("the audit fails")
        found += [f"{name} ended" for name in self.processes_ended]
        found += [f"{name} took {size} MB" for name, size in self.memory_mb.items() if size >= MEMORY_MB_MAX]
        found += [f"{name}: {taken:.2f} s" for name, taken in self.list_seconds.items() if taken >= list_seconds_max]
        return found


def hostile_records(count: int, random: Random) -> Iterator[RawRecord]:
    """As many different records that no participant sends."""
    for number in range(count):
        special = SPECIAL[number % len(SPECIAL)] if number % 5 == 0 else None
        if special is None:
            names = [random.randbytes(random.randrange(12)) for _ in range(random.randrange(4))]
            headers = [(name, random.choice([None, random.randbytes(8)])) for name in names]
            yield RawRecord(
                random.choice([None, random.randbytes(random.randrange(200))]), random.randbytes(8), headers
            )
        else:
            yield RawRecord(special.value, number.to_bytes(4, "big") + (special.key or b""), special.headers)


class Attack:
    """Producers of raw records, one for each codec."""

    def __init__(self, bootstrap_servers: str) -> None:
        settings = {"message.timeout.ms": 30_000, "queue.buffering.max.kbytes": 262_144}
        self._plain = RawProducer(bootstrap_servers, settings)
        huge = settings | {"message.max.bytes": 1_000_000_000, "linger.ms": 0}
        self._packing = {codec: RawProducer(bootstrap_servers, huge | {"compression.type": codec}) for codec in BOMBS}

    def send(self, topics: Sequence[str], count: int, per_second: float, random: Random) -> None:
        """Sends so many records to the topics in turn, at this rate, and a bomb now and then."""
        began = time.monotonic()
        codecs = list(BOMBS)
        pause = threading.Event()
        for number, record in enumerate(hostile_records(count, random)):
            topic = topics[number % len(topics)]
            if number % BOMB_EVERY == BOMB_EVERY - 1:
                bomb = number // BOMB_EVERY
                # Every codec to every topic.
                codec, topic = codecs[bomb % len(codecs)], topics[bomb // len(codecs) % len(topics)]
                self._packing[codec].send(topic, RawRecord(bytes(BOMBS[codec]), number.to_bytes(4, "big")))
                self._packing[codec].flush(RETRY_SECONDS_MAX)
            else:
                self._plain.send(topic, record)
            if number % STEP_RECORDS == 0:
                self._plain.flush(RETRY_SECONDS_MAX)
                pause.wait(max(0.0, began + number / per_second - time.monotonic()))
        self._plain.flush(RETRY_SECONDS_MAX)

    def close(self) -> None:
        """Ends the clients."""
        for producer in (self._plain, *self._packing.values()):
            producer.close()


def attack(network: Network, *, records: int, payments: int, per_second: float) -> Findings:
    """Attacks a network while customers pay, waits until nothing is under way, and looks at it."""
    began = time.monotonic()
    findings = Findings(payments=payments)
    with ExitStack() as stack:
        client = stack.enter_context(new_client(network.secrets.operator))
        reader = NetworkReader(network.hub_url, client)
        rest = {bank.code: BankRest(bank.code, bank.url, client) for bank in network.banks}
        pids = {service.name: service.pid for service in network.services}
        driver = stack.enter_context(closing(PaymentDriver(rest, RETRY_SECONDS_MAX)))
        producers = stack.enter_context(closing(Attack(network.broker.bootstrap_servers)))
        topics = [HUB_TOPIC, HUB_TOPIC, *(bank_topic(code) for code in rest)]
        attacking = threading.Thread(target=producers.send, args=(topics, records, per_second, Random(7)))
        attacking.start()
        orders = good_payments(Population.of(rest), payments, Random(7), "hostile")
        sent = driver.send_all(orders, payments / (records / per_second))
        attacking.join()
        findings.is_quiet = reader.wait_for_quiet(QUIET_SECONDS_MAX)
        urls = {"hub": network.hub_url, **{f"bank {code}": bank.url for code, bank in rest.items()}}
        is_true_within(
            DIGESTED_SECONDS_MAX,
            lambda: not any(measured(client, url, "codepix_consumer_lag_records") for url in urls.values()),
            poll_seconds=1.0,
        )
        findings.outcomes = read_outcomes(reader.hub, sent).by_outcome
        report = reader.audit(AUDIT_SECONDS_MAX)
        findings.is_audited = report.is_ok and not report.in_flight and not report.moving
        for name, url in urls.items():
            page = "/dead-letters" if name == "hub" else "/backoffice/dead-letters"
            for path in (f"/api/v1/dead-letters?size={LETTERS_LISTED}", page):
                asked = time.monotonic()
                client.get(f"{url}{path}").raise_for_status()
                findings.list_seconds[f"{name} {path}"] = round(time.monotonic() - asked, 3)
        findings.dead_letters = {
            name: measured(client, url, 'codepix_dead_letters{state="dead"') for name, url in urls.items()
        }
        findings.memory_mb = {name: peak_memory_mb(pid) for name, pid in pids.items()}
        findings.processes_ended = [each.name for each in network.services if each.pid != pids[each.name]]
    findings.seconds = time.monotonic() - began
    return findings


def measured(client: httpx.Client, url: str, metric: str) -> int:
    """What a participant's metrics say; 0 while they do not say it."""
    lines = client.get(f"{url}/metrics").raise_for_status().text.splitlines()
    return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(metric))


def peak_memory_mb(pid: int) -> int:
    """The most that a process has had in memory since it began, as the kernel counts it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) // 1024


def main() -> int:
    """The command's entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--payments", type=int, default=300)
    parser.add_argument("--per-second", type=float, default=500.0)
    parser.add_argument("--kafka", type=KafkaKind, default=KafkaKind.EMBEDDED, choices=list(KafkaKind))
    options = parser.parse_args()
    with TemporaryDirectory(prefix="codepix-hostile-") as folder:
        settings = NetworkSettings(
            folder=Path(folder), banks=DEMO_BANKS[:2], kafka=options.kafka, resend_first_seconds=1.0
        )
        with Network(settings) as network:
            findings = attack(
                network, records=options.records, payments=options.payments, per_second=options.per_second
            )
    sys.stdout.write(f"{findings}{os.linesep}")
    for fault in findings.faults():
        sys.stdout.write(f"FAULT: {fault}{os.linesep}")
    return 1 if findings.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
