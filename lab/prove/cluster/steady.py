"""`codepix cluster`: a network on hosts with bad links, payments that must complete, load from hosts, and the audit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from rich.table import Table

from lab.drive.customers import Population
from lab.drive.payments import PaymentDriver, good_payments, read_outcomes
from lab.network.cluster.cluster import HUBS_DEFAULT, Cluster, ClusterSettings
from lab.network.cluster.links import Link
from lab.network.cluster.load import LoadResult, check_load, run_load
from lab.network.folder import keep_logs, network_folder
from lab.read.audit import AuditReport
from lab.read.report import audit_document, percentile

RETRY_SECONDS_MAX: Final = 120.0
SENDERS: Final = 8
QUIET_SECONDS_MAX: Final = 300.0
AUDIT_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    hubs: int = HUBS_DEFAULT
    link: Link = field(default_factory=Link)
    transfers: int = 100
    load_seconds: float = 0.0
    """How long simulated users pay from hosts of their own; 0: none do."""
    load_users: int = 20
    seed: int = 1
    keep: Path | None = None
    """Where data and logs stay; None: nowhere, but for the logs of a run in which something broke."""


@dataclass(frozen=True, slots=True)
class ClusterResult:
    options: ClusterOptions
    layout: Sequence[tuple[str, str, str]]
    """Each host's name and address, and what was on it."""
    outcomes: Mapping[str, int]
    unexpected: Sequence[str]
    milliseconds: Sequence[int]
    retries: int
    resends: int
    load: LoadResult | None
    known_transfers: int
    """How many transfers the hub has."""
    is_quiet: bool
    report: AuditReport
    up_seconds: float
    seconds: float

    @property
    def orders_accepted(self) -> int:
        """How many payments the banks have taken, of the lab and of the load."""
        return self.options.transfers + (0 if self.load is None else self.load.accepted)

    @property
    def is_ok(self) -> bool:
        """Whether everything that was accepted is a transfer at the hub with its outcome, and every invariant holds."""
        return (
            self.is_quiet
            and not self.unexpected
            and sum(self.outcomes.values()) == self.options.transfers
            and self.known_transfers >= self.orders_accepted
            and (self.load is None or self.load.accepted > 0)
            and self.report.is_final
        )


def run_cluster(options: ClusterOptions, progress: Callable[[str], None]) -> ClusterResult:
    """Starts a cluster, pays, waits until every transfer is final, audits, and stops it. Raises `PartError`."""
    started = time.monotonic()
    if options.load_seconds:
        check_load()
    with ExitStack() as stack:
        folder = stack.enter_context(network_folder(options.keep))
        settings = ClusterSettings(folder=folder, hubs=options.hubs, link=options.link, seed=options.seed)
        cluster = stack.enter_context(Cluster(settings, progress))
        up_seconds = time.monotonic() - started
        rest = cluster.rest
        payments = good_payments(Population.of(rest), options.transfers, Random(options.seed), f"seed{options.seed}")

        progress(f"Paying {options.transfers} times")
        driver = PaymentDriver(rest, RETRY_SECONDS_MAX, SENDERS)
        stack.callback(driver.close)
        sent = driver.send_all(payments)
        load = None
        if options.load_seconds:
            progress(f"Paying from {len(cluster.load_hosts)} hosts for {options.load_seconds:g} seconds")
            load = run_load(cluster, options.load_seconds, options.load_users)
        progress("Waiting until every transfer is final")
        reader = cluster.reader()
        is_quiet = reader.wait_for_quiet(QUIET_SECONDS_MAX)
        progress("Auditing")
        report = reader.audit(AUDIT_SECONDS_MAX)
        found = read_outcomes(reader.hub, sent)
        result = ClusterResult(
            options=options,
            layout=[(host.name, host.address, what) for host, what in cluster.layout()],
            outcomes=found.by_outcome,
            unexpected=found.unexpected,
            milliseconds=found.milliseconds,
            retries=sum(each.retries for each in sent),
            resends=found.resends,
            load=load,
            known_transfers=sum(1 for _ in reader.hub.transfers()),
            is_quiet=is_quiet,
            report=report,
            up_seconds=up_seconds,
            seconds=time.monotonic() - started,
        )
        if not result.is_ok and options.keep is None:
            progress(f"The logs of all parts are kept in {keep_logs(folder)}")
        progress("Stopping")
        return result


def cluster_document(result: ClusterResult) -> dict[str, Any]:
    options = result.options
    return {
        "ok": result.is_ok,
        "seed": options.seed,
        "hubs": options.hubs,
        "link": asdict(options.link),
        "hosts": [{"name": name, "address": address, "runs": what} for name, address, what in result.layout],
        "transfers": options.transfers,
        "outcomes": dict(result.outcomes),
        "unexpected": list(result.unexpected),
        "customers_retries": result.retries,
        "resends": result.resends,
        "latency_ms": {
            "p50": percentile(result.milliseconds, 50),
            "p99": percentile(result.milliseconds, 99),
            "max": max(result.milliseconds, default=None),
        },
        "load": None if result.load is None else asdict(result.load),
        "transfers_at_hub": result.known_transfers,
        "quiet": result.is_quiet,
        "audit": audit_document(result.report),
        "network_up_seconds": round(result.up_seconds, 2),
        "seconds": round(result.seconds, 2),
    }


def cluster_table(result: ClusterResult) -> Table:
    title = f"{len(result.layout)} hosts, {result.options.hubs} hub(s); links: {describe_link(result.options.link)}"
    table = Table("what", "found", title=title, title_justify="left")
    for name, address, what in result.layout:
        table.add_row(f"{name} {address}", what)
    table.add_section()
    for outcome, count in sorted(result.outcomes.items()):
        table.add_row(f"transfers {outcome}", str(count))
    if result.load is not None:
        load = result.load
        table.add_row("payments of the load", f"{load.accepted} accepted, {load.failed} not, {load.per_second:.1f} a s")
    rows = [
        ("customers had to ask again", str(result.retries)),
        ("messages resent", str(result.resends)),
        ("latency p50, p99", ", ".join(f"{percentile(result.milliseconds, each) or 0} ms" for each in (50, 99))),
        ("time to start", f"{result.up_seconds:.1f} s"),
        ("verdict", "[green]nothing lost[/]" if result.is_ok else "[bold red]BROKEN[/]"),
    ]
    for what, value in rows:
        table.add_row(what, value)
    return table


def describe_link(link: Link) -> str:
    """In words, for people: `2 ms ± 1 ms, 1 % lost, 10 Mbit/s`."""
    if link.is_clean:
        return "as fast as the machine"
    words = []
    if link.delay_ms:
        words.append(f"{link.delay_ms:g} ms" + (f" ± {link.jitter_ms:g} ms" if link.jitter_ms else ""))
    if link.loss_percent:
        words.append(f"{link.loss_percent:g} % lost")
    if link.bandwidth_mbit is not None:
        words.append(f"{link.bandwidth_mbit:g} Mbit/s")
    return ", ".join(words)
