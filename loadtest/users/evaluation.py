"""Evaluates a run: reads the hub's times of its payments, audits the network, and applies the pass lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx

from lab.read.audit import AuditReport
from lab.read.rest import HubRest, Json, Unreachable, new_client
from lab.read.snapshot import NetworkReader
from loadtest.users.load_run import LoadRun
from loadtest.users.measures import Counts, Measures, Samples
from loadtest.users.mix import UserKind
from loadtest.users.pass_lines import Times, pass_lines
from loadtest.users.verdict import Verdict

AUDIT_SECONDS_MAX: Final = 60.0


def evaluate(load_run: LoadRun, failures: int) -> Verdict:
    """Waits until the network is quiet, audits it, and applies the pass lines. `failures` are locust's."""
    settings = _settings(load_run)
    if not load_run.begun_at_ms:
        problem = load_run.problem or "The run was stopped before the first arrival."
        return Verdict([], {}, {}, [], settings, None, problem)
    client = new_client(load_run.options.operator_password)
    try:
        audit, problem = _audit(load_run, client), load_run.problem
        hub_ms, payee_bank_ms = _hub_times(load_run, client)
    except Unreachable as error:
        audit, problem, hub_ms, payee_bank_ms = None, str(error), Samples(), Samples()
    finally:
        client.close()
    measures = load_run.measures
    times = Times(
        settled_longest=measures.settled.longest,
        hub_p50=hub_ms.percentile(50),
        hub_p99=hub_ms.percentile(99),
        payee_bank_p50=payee_bank_ms.percentile(50),
        payee_bank_p95=payee_bank_ms.percentile(95),
        look_up_p99=measures.look_ups.percentile(99),
    )
    broken = None if audit is None else sum(not finding.is_ok for finding in audit.findings) + audit.moving
    parts = load_run.options.parts
    must_settle = bool(parts.get(UserKind.PEOPLE) or parts.get(UserKind.INTEGRATORS))
    return Verdict(
        lines=pass_lines(times, failures, broken, must_settle=must_settle),
        figures=_figures(measures, load_run.counts, hub_ms),
        refused_as_meant=dict(sorted(measures.refused_as_meant.items())),
        troubles=measures.troubles,
        settings=settings,
        audit=audit,
        problem=problem,
    )


def _audit(load_run: LoadRun, client: httpx.Client) -> AuditReport:
    addresses = {bank.ispb: bank.url for bank in load_run.banks}
    load_run.progress("Waiting until nothing is under way, and auditing…")
    return NetworkReader(load_run.options.hub, client, addresses).audit(AUDIT_SECONDS_MAX)


def _hub_times(load_run: LoadRun, client: httpx.Client) -> tuple[Samples, Samples]:
    """Of our payments: from the payer's bank's request to the hub's decision, and from the offer to the decision."""
    hub_ms, payee_bank_ms = Samples(), Samples()
    for row in _our_transfers(load_run, HubRest(load_run.options.hub, client)):
        if row["decided_at_ms"] is not None:
            hub_ms.add(row["decided_at_ms"] - row["requested_at_ms"])
            if row["offered_at_ms"] is not None:
                payee_bank_ms.add(row["decided_at_ms"] - row["offered_at_ms"])
    return hub_ms, payee_bank_ms


def _our_transfers(load_run: LoadRun, hub: HubRest) -> Iterator[Json]:
    for row in hub.transfers():
        if row["received_at_ms"] < load_run.begun_at_ms:
            return
        if load_run.customers.includes(row["payer"]["ispb"], row["payer"]["account_number"]):
            yield row


def _figures(measures: Measures, counts: Counts, hub_ms: Samples) -> dict[str, float | None]:
    settled, completed, look_ups = measures.settled, measures.completed, measures.look_ups
    return {
        "visitors": sum(measures.visits.values()),
        "visitors_per_second": counts.per_second(counts.visits),
        "requests_per_second": counts.per_second(counts.requests),
        "page_views_per_second": counts.per_second(counts.page_views),
        "payments_settled": settled.count,
        "payments_settled_per_second": counts.per_second(counts.settled),
        "settled_p50_ms": settled.percentile(50),
        "settled_p95_ms": settled.percentile(95),
        "settled_p99_ms": settled.percentile(99),
        "completed_p50_ms": completed.percentile(50),
        "completed_p99_ms": completed.percentile(99),
        "hub_p50_ms": hub_ms.percentile(50),
        "hub_p99_ms": hub_ms.percentile(99),
        "look_ups_per_second": counts.per_second(counts.look_ups),
        "look_up_p50_ms": look_ups.percentile(50),
        "look_up_p99_ms": look_ups.percentile(99),
        "late_p99_ms": measures.lateness.percentile(99),
    }


def _settings(load_run: LoadRun) -> dict[str, Any]:
    options = load_run.options
    return {
        "rate_per_second": options.rate_per_second,
        "seconds": options.seconds,
        "shape": options.shape.value,
        "share_of_first_bank": options.share_of_first,
        "mix": options.mix,
        "customers": options.customers,
        "think_seconds": options.think_seconds,
        "banks": [f"{bank.name} ({bank.code})" for bank in load_run.banks],
    }
