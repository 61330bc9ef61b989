"""A cluster of objects that remember what is broken, with banks that complete every payment at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.network.cluster.hosts import Host
from lab.network.cluster.links import Link
from lab.network.cluster.state import ClusterReport, HostReport, LinkReport, PartOnHost, Role, State, host_state
from lab.network.parts.errors import PartNotReady
from lab.read.audit import AuditReport, Finding
from lab.read.snapshot import StepReporter, no_report

HOSTS = [Host(f"h{number}", f"10.0.0.{number}", "") for number in range(1, 8)]


class Network:
    def __init__(self) -> None:
        self.hosts = HOSTS
        self.bad: set[Any] = set()
        self.links: dict[tuple[str, str], Link] = {}

    def cut(self, a: Host, b: Host) -> None:
        self.bad.add(frozenset((a.name, b.name)))

    def heal(self, a: Host, b: Host) -> None:
        self.bad.discard(frozenset((a.name, b.name)))

    def freeze(self, host: Host) -> None:
        self.bad.add(host.name)

    def thaw(self, host: Host) -> None:
        self.bad.discard(host.name)

    def link(self, a: Host, b: Host) -> Link:
        return self.links.get((a.name, b.name), Link())

    def set_link(self, a: Host, b: Host, link: Link, *, one_way: bool = False) -> None:
        for pair in [(a, b)] if one_way else [(a, b), (b, a)]:
            self.links[pair[0].name, pair[1].name] = link


@dataclass
class Part:
    name: str
    host: Host
    is_up: bool = True
    extra_environment: dict[str, str] = field(default_factory=dict)

    def kill(self) -> None:
        self.is_up = False

    def launch(self) -> None:
        self.is_up = True

    stop = kill

    def is_ready(self) -> bool:
        return self.is_up


class Brokers:
    def __init__(self) -> None:
        self.hosts = HOSTS[:3]
        self.down: set[str] = set()
        self.wiped: set[str] = set()

    def kill(self, host: Host) -> None:
        self.down.add(host.name)

    def wipe(self, host: Host) -> None:
        self.kill(host)
        self.wiped.add(host.name)

    def start_member(self, host: Host) -> None:
        self.down.discard(host.name)

    def seen(self) -> list[Host]:
        return [host for host in self.hosts if host.name not in self.down]

    def controller(self) -> Host:
        return self.hosts[1]


class Database:
    def __init__(self) -> None:
        self.up = {"h1": True, "h2": True}
        self.has_primary = True

    def primary(self) -> Host:
        if not self.has_primary:
            raise PartNotReady("No member of the database cluster is its primary.")
        return HOSTS[0]

    def kill(self, host: Host) -> None:
        self.up[host.name] = False

    def start_member(self, host: Host) -> None:
        self.up[host.name] = True

    def is_whole(self) -> bool:
        return all(self.up.values())


@dataclass
class FakeCluster:
    network: Network = field(default_factory=Network)
    brokers: Brokers = field(default_factory=Brokers)
    hubs: list[Part] = field(default_factory=lambda: [Part(f"hub-{n}", HOSTS[3 + n]) for n in range(2)])
    banks: list[Part] = field(default_factory=lambda: [Part(f"bank-{n}", HOSTS[5 + n]) for n in range(2)])
    database: Database = field(default_factory=Database)

    @property
    def services(self) -> list[Part]:
        return [*self.hubs, *self.banks]

    rows: list[dict[str, Any]] = field(default_factory=list)
    loses_money: bool = False
    """Whether the next audits are red."""
    hub_url: str = "http://127.0.0.1:9"

    @property
    def rest(self) -> dict[str, Bank]:
        return {code: Bank(code, self.rows) for code in ("001", "002")}

    def reader(self) -> Reader:
        return Reader(self.rows, self.loses_money)

    def report(self) -> ClusterReport:
        parts: dict[str, list[PartOnHost]] = {host.name: [] for host in HOSTS}
        for host in HOSTS[:3]:
            down = host.name in self.brokers.down
            role = Role.CONTROLLER if host is self.brokers.controller() else Role.NONE
            parts[host.name].append(PartOnHost("Apache Kafka", State.STOPPED if down else State.UP, role))
        for part in self.services:
            parts[part.host.name].append(PartOnHost(part.name, State.UP if part.is_up else State.STOPPED))
        cuts = [sorted(pair) for pair in self.network.bad if isinstance(pair, frozenset)]
        links = [LinkReport(a, b, Link(), True) for pair in cuts for a, b in (pair, pair[::-1])]
        links += [LinkReport(a, b, link, False) for (a, b), link in self.network.links.items() if not link.is_clean]
        apart = {name for pair in cuts for name in pair}
        hosts = [
            HostReport(
                name,
                "10.0.0.1",
                host_state(found, is_frozen=name in self.network.bad, is_cut=name in apart),
                tuple(found),
            )
            for name, found in parts.items()
        ]
        return ClusterReport(tuple(hosts), Link(delay_ms=2.0), tuple(links))

    def faults(self) -> Iterator[str]:
        """Everything that is broken at this moment."""
        yield from (str(each) for each in self.network.bad)
        yield from (str(pair) for pair, link in self.network.links.items() if not link.is_clean)
        yield from (part.name for part in self.services if not part.is_up or part.extra_environment)
        yield from self.brokers.down
        yield from (name for name, up in self.database.up.items() if not up)


class Bank:
    """Takes every payment, which is final at once."""

    def __init__(self, code: str, rows: list[dict[str, Any]]) -> None:
        self.code = code
        self._rows = rows

    def accounts(self) -> list[dict[str, Any]]:
        return [
            {"number": f"{self.code}{n}", "holder_name": "Ana", "status": "active", "balance_centavos": 10**9 - n}
            for n in range(2)
        ]

    def keys_of(self, number: str) -> list[dict[str, str]]:
        return [{"kind": "EMAIL", "key": f"{number}@bank.example"}]

    def pay(self, *arguments: object) -> dict[str, str]:
        now_ms = time.time_ns() // 1_000_000
        row = {
            "end_to_end_id": f"E{len(self._rows):031d}",
            "status": "completed",
            "requested_at_ms": now_ms,
            "closed_at_ms": now_ms,
            "reason": None,
            "resends": 0,
            "duplicates": 0,
        }
        self._rows.append(row)
        return {"end_to_end_id": str(row["end_to_end_id"])}


class Reader:
    def __init__(self, rows: list[dict[str, Any]], loses_money: bool) -> None:
        self.hub = self
        self._rows = rows
        self._loses_money = loses_money

    def transfers(self, *, open_only: bool = False) -> Iterator[dict[str, Any]]:
        return iter([] if open_only else list(self._rows))

    def wait_for_quiet(self, seconds_max: float) -> bool:
        return True

    def audit(self, wait_seconds: float, report_step: StepReporter = no_report) -> AuditReport:
        report_step("Comparing all rows.")
        numbers = {"difference_centavos": int(self._loses_money)}
        finding = Finding(
            "conservation",
            sentence="Money is conserved.",
            numbers=numbers,
            offenders=(),
            is_ok=not self._loses_money,
        )
        return AuditReport((finding,), {"completed": len(self._rows)}, ())
