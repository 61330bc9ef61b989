"""`codepix load`: simulated users pay through a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.terminal import (
    EXIT_BROKEN,
    EXIT_USAGE,
    Keep,
    check_report_file,
    progress,
    refuse,
    reporting_errors,
    show_line,
)
from lab.network.network import BANKS_MAX, KafkaKind
from lab.read.report import console, print_json
from loadtest.users.arrivals import Shape
from loadtest.users.mix import MIX_DEFAULT
from loadtest.users.options import (
    CUSTOMERS_DEFAULT,
    HUB_DEFAULT,
    HUB_GRPC_DEFAULT,
    RATE_DEFAULT,
    SECONDS_DEFAULT,
    SETTLE_SECONDS_DEFAULT,
    SHARE_OF_FIRST_DEFAULT,
    THINK_SECONDS_DEFAULT,
    LoadOptions,
    OptionRefused,
    check_options,
    read_pairs,
)


def load(
    rate: Annotated[float, typer.Option(help="Users who arrive in a second, at the highest.")] = RATE_DEFAULT,
    seconds: Annotated[float, typer.Option(help="How long they arrive.")] = SECONDS_DEFAULT,
    shape: Annotated[
        Shape, typer.Option(help="All the time alike; from nothing to the rate; a quarter of it, all in the middle.")
    ] = Shape.SOAK,
    skew: Annotated[float, typer.Option(help="The share of visits to the first bank.")] = SHARE_OF_FIRST_DEFAULT,
    mix: Annotated[str, typer.Option(help="The traffic mix: the share of each kind of simulated user.")] = MIX_DEFAULT,
    customers: Annotated[int, typer.Option(help="How many accounts are opened first.")] = CUSTOMERS_DEFAULT,
    think_seconds: Annotated[
        float, typer.Option(help="How long people look at a page, on average.")
    ] = THINK_SECONDS_DEFAULT,
    settle_seconds: Annotated[
        float, typer.Option(help="A payment that is not final by then has failed.")
    ] = SETTLE_SECONDS_DEFAULT,
    kafka: Annotated[KafkaKind, typer.Option(help="Apache Kafka needs Java and Maven.")] = KafkaKind.EMBEDDED,
    banks: Annotated[int, typer.Option(min=1, max=BANKS_MAX, help="How many banks to start.")] = 3,
    hub: Annotated[str, typer.Option(help="Of a network that runs already.", show_default="one is started")] = "",
    hub_grpc: Annotated[str, typer.Option(help="The gRPC of that hub.")] = HUB_GRPC_DEFAULT,
    bank_secrets: Annotated[
        str,
        typer.Option(
            envvar="CODEPIX_BANK_SECRETS", help="Its banks that look keys up: 001=…,002=…", show_default="none does"
        ),
    ] = "",
    operator_password: Annotated[
        str, typer.Option(envvar="OPERATOR_PASSWORD", help="Its operator's.", show_default=False)
    ] = "",
    html: Annotated[Path, typer.Option(help="The file for the report.")] = Path("load-report.html"),
    web_port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, help="Instead of a run: locust's page there, to start runs by hand."),
    ] = None,
    keep: Keep = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Simulated users pay through a network; reports its service levels. Exit code 1: a pass line is missed."""
    from loadtest.users.command import LoadCommand, run_load, serve_page
    from loadtest.users.report import print_verdict

    try:
        options = check_options(
            LoadOptions(
                rate_per_second=rate,
                seconds=seconds,
                shape=shape,
                share_of_first=skew,
                mix=mix,
                customers=customers,
                settle_seconds=settle_seconds,
                think_seconds=think_seconds,
                hub=hub or HUB_DEFAULT,
                hub_grpc=hub_grpc,
                bank_secrets=read_pairs("bank-secrets", bank_secrets, "001=secret"),
                operator_password=operator_password,
                report=str(html.absolute()),
            )
        )
    except OptionRefused as error:
        raise refuse(str(error), EXIT_USAGE) from None
    check_report_file("--html", html)
    command = LoadCommand(options, kafka, banks, keep, not hub, web_port)
    with reporting_errors():
        if web_port is not None:
            serve_page(command, progress, show_line)
        verdict = run_load(command, progress, show_line)
    if json:
        print_json(verdict.document())
    else:
        print_verdict(verdict, console)
        console.print(f"The report is in {html}.", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(EXIT_USAGE if verdict.problem else 0 if verdict.is_ok else EXIT_BROKEN)
