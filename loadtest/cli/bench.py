"""`codepix bench`: what this machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, check_report_file, progress, refuse, reporting_errors
from lab.read.report import console, print_json
from pix.rpc.kinds import GrpcServerKind


def bench(
    only: Annotated[str, typer.Option(help="Parts: hub, network, keys, latency.")] = "hub,network,keys,latency",
    seconds: Annotated[float, typer.Option(min=2, max=86_400, help="Of each part, after its warm-up.")] = 60,
    hubs: Annotated[int, typer.Option(min=1, max=8, help="Replicas of the hub, in the parts hub and keys.")] = 1,
    history: Annotated[
        int, typer.Option(min=0, max=20_000_000, help="Finished transfers in the hub's tables before its part.")
    ] = 0,
    grpc_server: Annotated[
        GrpcServerKind, typer.Option(help="Of the hub, in the parts hub and keys; plain is gRPC's own.")
    ] = GrpcServerKind.CORE,
    batches: Annotated[
        bool, typer.Option("--batches/--single-records", help="Several messages in one record, or one in each.")
    ] = True,
    html: Annotated[Path | None, typer.Option(help="Write a report with charts into this file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of a table.")] = False,
) -> None:
    """Measures what this machine can do, beside the machine's own limits, on Apache Kafka. Exit code 1: not audited."""
    from loadtest.bench.command import BenchOptions, parts_of, run_bench
    from loadtest.bench.report import bench_html, bench_table

    try:
        options = BenchOptions(parts_of(only), seconds, hubs, history, grpc_server, batches)
    except ValueError as error:
        raise refuse(f"--only: {error}", EXIT_USAGE) from None
    if html is not None:
        check_report_file("--html", html)
    with reporting_errors():
        result = run_bench(options, progress)
    if html is not None:
        html.write_text(bench_html(result), encoding="utf-8")
    if json:
        print_json(result.document())
    else:
        console.print(bench_table(result))
    raise typer.Exit(0 if result.is_ok else EXIT_BROKEN)
