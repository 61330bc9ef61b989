"""`codepix conform`: examines a stranger's bank."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, Keep, check_report_file, progress, refuse, reporting_errors
from lab.network.network import KafkaKind
from lab.prove.conform.case import Profile
from lab.prove.conform.examined import EXAMINERS_OWN, OWN_BANK, command_of, is_address
from lab.prove.conform.verdict import CannotExamine
from lab.read.report import console


def conform(
    bank: Annotated[
        str,
        typer.Option(help=f"The command that starts the bank, its address, or `{OWN_BANK}` for CodePix's own."),
    ] = "",
    profile: Annotated[Profile, typer.Option(help="What the bank is examined for.")] = Profile.MINIMAL,
    group: Annotated[list[str] | None, typer.Option(help="Only this group of cases; may be repeated.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="Only this case, as group.name; may be repeated.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the cases, and examine nothing.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page, into this file.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the report as JUnit's XML, into this file.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the report as JSON, into this file.")] = None,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    seed: Annotated[int, typer.Option(help="Chooses the people and their keys.")] = 1,
    keep: Keep = None,
) -> None:
    """Examines a bank through public interfaces only. Exit code 0: green; 1: a case failed; 2: not examined."""
    # gRPC reads the environment when it is imported, and no other command needs it.
    os.environ.update(EXAMINERS_OWN)
    from lab.prove.conform.command import run_examination
    from lab.prove.conform.examiner import ExamineOptions
    from lab.prove.conform.registry import cases_of
    from lab.prove.conform.reports.files import html_report, json_report, junit_report
    from lab.prove.conform.reports.table import cases_table, print_examination

    try:
        cases = cases_of(profile, group or (), case or ())
    except ValueError as error:
        raise refuse(f"{error}.", EXIT_USAGE) from None
    if list_:
        console.print(cases_table(cases))
        return
    _check_bank(bank)
    if not cases:
        raise refuse("--group and --case: no case of this profile is chosen.", EXIT_USAGE)
    writers = ((html, "--html", html_report), (junit, "--junit", junit_report), (json, "--json", json_report))
    for file, option, _ in writers:
        if file is not None:
            check_report_file(option, file)
    with reporting_errors():
        try:
            examination = run_examination(ExamineOptions(bank, kafka, seed), cases, profile, keep, progress)
        except CannotExamine as error:
            raise refuse(str(error), EXIT_USAGE) from None
        for file, _, write in writers:
            if file is not None:
                file.write_text(write(examination), encoding="utf-8")
    print_examination(examination)
    raise typer.Exit(0 if examination.is_green else EXIT_BROKEN)


def _check_bank(bank: str) -> None:
    if not bank:
        raise refuse(f"--bank: give a command, an address, or `{OWN_BANK}`.", EXIT_USAGE)
    if is_address(bank):
        return
    try:
        command = command_of(bank)
    except ValueError as error:
        raise refuse(f"--bank: the command cannot be read: {error}.", EXIT_USAGE) from None
    if not command:
        raise refuse("--bank: the command is empty.", EXIT_USAGE)
