"""`codepix cluster`: a network on several hosts of one machine, with links as bad as asked for."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, Keep, progress, refuse, reporting_errors
from lab.network.cluster.cluster import HUBS_DEFAULT, HUBS_MAX
from lab.network.cluster.links import Link
from lab.prove.cluster import ClusterOptions, cluster_document, cluster_table, run_cluster
from lab.read.report import console, print_audit, print_json, print_lines

MILLISECONDS: Final = {"": 1.0, "ms": 1.0, "s": 1000.0}
PERCENT: Final = {"": 1.0, "%": 1.0}
MEGABITS: Final = {"": 1.0, "kbit": 0.001, "mbit": 1.0, "gbit": 1000.0}


def cluster(
    hubs: Annotated[int, typer.Option(min=1, max=HUBS_MAX, help="Hubs, each on a host, which share the work.")] = (
        HUBS_DEFAULT
    ),
    delay: Annotated[str, typer.Option(help="Of each packet between two hosts: 2ms, 0.1s.")] = "0ms",
    jitter: Annotated[str, typer.Option(help="By how much the delay differs, up and down: 1ms.")] = "0ms",
    loss: Annotated[str, typer.Option(help="The share of packets that are lost: 0.5%.")] = "0%",
    bandwidth: Annotated[
        str, typer.Option(help="Of each pair of hosts and direction: 10mbit, 512kbit.", show_default="the machine's")
    ] = "",
    transfers: Annotated[int, typer.Option(min=1, max=100_000, help="How many payments to send.")] = 100,
    load: Annotated[
        float, typer.Option(min=0, max=86_400, help="Seconds for which users also pay from hosts of their own.")
    ] = 0,
    users: Annotated[int, typer.Option(min=1, max=1_000, help="Of that load; each pays once a second.")] = 20,
    seed: Annotated[int, typer.Option(help="Chooses the payments, and the packets that are lost.")] = 1,
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Pays on a cluster: three brokers, a database with standbys, hubs and banks on hosts of one machine, and audits.

    Needs root on Linux: a host is a network namespace. Exit code 0 when nothing was lost.
    """
    try:
        link = Link(
            delay_ms=_quantity("--delay", delay, MILLISECONDS),
            jitter_ms=_quantity("--jitter", jitter, MILLISECONDS),
            loss_percent=_quantity("--loss", loss, PERCENT),
            bandwidth_mbit=_quantity("--bandwidth", bandwidth, MEGABITS) if bandwidth else None,
        )
    except ValueError as error:
        text = str(error)
        raise refuse(f"{text if text.startswith('--') else f'--{text}'}.", EXIT_USAGE) from None
    options = ClusterOptions(
        hubs=hubs, link=link, transfers=transfers, load_seconds=load, load_users=users, seed=seed, keep=keep
    )
    with reporting_errors():
        result = run_cluster(options, progress)
    if json:
        print_json(cluster_document(result))
    else:
        console.print(cluster_table(result))
        print_audit(result.report)
        print_lines(result.unexpected)
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)


def _quantity(option: str, text: str, units: dict[str, float]) -> float:
    """The number in the first of the units. Raises ValueError that names the option and the units."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([a-z%]*)", text.strip().lower())
    if found is None or found.group(2) not in units:
        known = ", ".join(unit for unit in units if unit)
        raise ValueError(f"{option} is {text!r}, and must be a number with a unit ({known})")
    return float(found.group(1)) * units[found.group(2)]
