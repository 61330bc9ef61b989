"""`codepix league`: a competition for banks."""

from __future__ import annotations

import json as json_writer
import os
import pwd
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, Keep, check_report_file, progress, refuse, reporting_errors
from lab.network.network import KafkaKind
from lab.prove.league.entrants import read_entries
from lab.prove.league.league import LeagueOptions, league_document, play_league
from lab.prove.league.page import write_page
from lab.prove.league.plan import SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, make_plan
from lab.prove.league.table import league_remarks, league_table
from lab.read.report import console, print_lines
from lab.read.yaml_file import YamlRefused
from pix.web.languages import Language


def league(
    banks: Annotated[Path, typer.Argument(help="The YAML file that lists the banks.", show_default=False)],
    seed: Annotated[int, typer.Option(help="Chooses payments and faults: the same seed, the same plan.")] = 1,
    seconds: Annotated[
        float, typer.Option(min=SECONDS_MIN, max=SECONDS_MAX, help="How long customers pay, in each bank's turn.")
    ] = SECONDS_DEFAULT,
    html: Annotated[Path | None, typer.Option(help="Write the ranking as a page into this file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write everything as JSON into this file.")] = None,
    language: Annotated[Language, typer.Option(help="Of the page.")] = Language.ENGLISH,
    kafka: Annotated[
        KafkaKind, typer.Option(help="Apache Kafka, for clients that cannot speak to the embedded broker.")
    ] = KafkaKind.EMBEDDED,
    user: Annotated[
        str | None, typer.Option(help="The system user whom the banks run as; only root can choose one.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show the plan of this seed, and play nothing.")] = False,
    keep: Keep = None,
) -> None:
    """Lets banks compete: the same payments and faults for each, and its money is counted at the end.

    Their code runs on this machine, under limits but in no container. Exit code 0 when every bank has had its turn.
    """
    try:
        entries = read_entries(banks)
    except YamlRefused as error:
        raise refuse(str(error), EXIT_USAGE) from None
    if plan:
        _show_plan(seed, seconds)
        return
    _check_user(user)
    for option, file in (("--html", html), ("--json", json)):
        if file is not None:
            check_report_file(option, file)
    with reporting_errors():
        result = play_league(LeagueOptions(entries, seed, seconds, kafka, user, keep), progress)
        if html is not None:
            write_page(result, html, language)
        if json is not None:
            document = json_writer.dumps(league_document(result), indent=2, ensure_ascii=False)
            json.write_text(f"{document}\n", encoding="utf-8")
    console.print(league_table(result))
    print_lines(league_remarks(result))
    raise typer.Exit(EXIT_BROKEN if any(placed.turn.network_fault for placed in result.placed) else 0)


def _show_plan(seed: int, seconds: float) -> None:
    made = make_plan(seed, seconds)
    print_lines([f"Plan {made.digest}: seed {seed}, {len(made.orders)} payments in {seconds:g} s"])
    print_lines(
        f"{fault.at_ms / 1000:6.2f} s  {fault.kind.value} for {fault.for_ms / 1000:.2f} s" for fault in made.faults
    )
    kinds = [order.kind.value for order in made.orders]
    print_lines(f"{kinds.count(kind):4d} × {kind}" for kind in sorted(set(kinds)))


def _check_user(user: str | None) -> None:
    if user is None:
        return
    if os.geteuid() != 0:
        raise refuse("--user: only root can run the banks as another user.", EXIT_USAGE)
    try:
        pwd.getpwnam(user)
    except KeyError:
        raise refuse(f"--user: this system has no user {user!r}.", EXIT_USAGE) from None
