"""`codepix cluster`: a network on several hosts of one machine, with links as bad as asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, LAB_PORT_DEFAULT, Keep, progress, refuse, reporting_errors
from lab.network.cluster.cluster import HUBS_DEFAULT, HUBS_MAX
from lab.network.cluster.links import Link
from lab.prove.cluster.plan import Group
from lab.prove.cluster.series import (
    SeriesOptions,
    cost_document,
    cost_table,
    measure_cost,
    run_series,
    series_document,
)
from lab.prove.cluster.steady import ClusterOptions, cluster_document, cluster_table, run_cluster
from lab.prove.cluster.trial import TrialOptions, TrialResult, summary_table, trial_table
from lab.read.report import audit_remarks, console, print_audit, print_json, print_lines

SEEDS_MAX: Final = 1_000
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
    faults: Annotated[
        str, typer.Option(help=f"What fails while payments are made: {', '.join(Group)}, separated by commas.")
    ] = "",
    seeds: Annotated[
        str, typer.Option(help="With --faults: trials one after the other, as 1..5 or 1,4.", show_default="--seed")
    ] = "",
    faults_each: Annotated[int, typer.Option(min=1, max=50, help="Faults of each group in a trial.")] = 2,
    rate: Annotated[float, typer.Option(min=0.1, max=1_000, help="Payments a second while faults strike.")] = 10.0,
    upgrade_from: Annotated[
        Path | None,
        typer.Option(help="With --faults upgrade: the folder of an older version's source.", exists=True),
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Instead: the CPU time of a transfer with one, two and three hubs.")
    ] = False,
    panel: Annotated[
        bool, typer.Option("--panel", help="Instead: serve the cluster's panel, and run until Ctrl-C.")
    ] = False,
    lab_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="With --panel: its port, on 127.0.0.1 only.")
    ] = LAB_PORT_DEFAULT,
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
    if panel:
        if measure or faults or seeds or load or json or upgrade_from:
            raise refuse(
                "--panel: does not work with --faults, --seeds, --load, --measure, --upgrade-from and --json.",
                EXIT_USAGE,
            )
        # The panel needs a web server, which no other cluster does.
        from lab.panel.cluster.serving import ClusterPanelOptions, run_cluster_panel

        with reporting_errors():
            run_cluster_panel(ClusterPanelOptions(lab_port, hubs, link, seed, keep), progress)
        console.print("Stopped.")
        return
    if measure:
        with reporting_errors():
            cost = measure_cost(transfers, link, seed, progress)
        if json:
            print_json(cost_document(cost))
        else:
            console.print(cost_table(cost))
        return
    if faults:
        trial = TrialOptions(transfers=transfers, groups=_groups(faults), faults_each=faults_each, rate_per_second=rate)
        if (Group.UPGRADE in trial.groups) != (upgrade_from is not None):
            raise refuse("--faults upgrade: needs --upgrade-from, and the other way round.", EXIT_USAGE)
        series = SeriesOptions(
            seeds=_seeds(seeds or str(seed)), trial=trial, hubs=hubs, link=link, older_source=upgrade_from, keep=keep
        )
        _play(series, json)
    if seeds:
        raise refuse("--seeds: needs --faults.", EXIT_USAGE)
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


def _play(options: SeriesOptions, json: bool) -> NoReturn:
    def show(trial: TrialResult) -> None:
        if not json:
            console.print(trial_table(trial))
            print_lines([*trial.found.not_ready, *trial.found.unexpected, *audit_remarks(trial.found.report)])

    with reporting_errors():
        result = run_series(options, progress, show)
    if json:
        print_json(series_document(result))
    else:
        console.print(summary_table(result.trials))
        print_audit(result.trials[-1].found.report)
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)


def _groups(text: str) -> list[Group]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in tuple(Group)]
    if unknown or not names:
        raise refuse(
            f"--faults: {', '.join(unknown) or 'nothing'} unknown; choose from {', '.join(Group)}.", EXIT_USAGE
        )
    return [Group(name) for name in dict.fromkeys(names)]


def _seeds(text: str) -> list[int]:
    """`1..5` or `1,4`."""
    found = re.fullmatch(r"([0-9]{1,9})\.\.([0-9]{1,9})", text)
    numbers = range(int(found[1]), int(found[2]) + 1) if found else text.split(",")
    try:
        seeds = [int(number) for number in numbers]
    except ValueError:
        seeds = []
    if not 1 <= len(seeds) <= SEEDS_MAX:
        raise refuse(f"--seeds: {text!r} must be 1 to {SEEDS_MAX} whole numbers, as 1..5 or 1,4.", EXIT_USAGE)
    return seeds


def _quantity(option: str, text: str, units: dict[str, float]) -> float:
    """The number in the first of the units. Raises ValueError that names the option and the units."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([a-z%]*)", text.strip().lower())
    if found is None or found.group(2) not in units:
        known = ", ".join(unit for unit in units if unit)
        raise ValueError(f"{option} is {text!r}, and must be a number with a unit ({known})")
    return float(found.group(1)) * units[found.group(2)]
