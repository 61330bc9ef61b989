"""`codepix audit`: is all the money there."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, HUB_PORT_DEFAULT, reporting_errors, web_address
from lab.read.report import audit_document, print_audit, print_json
from lab.read.rest import new_client
from lab.read.snapshot import NetworkReader

HUB_URL_DEFAULT: Final = f"http://127.0.0.1:{HUB_PORT_DEFAULT}"


def audit(
    hub: Annotated[str, typer.Option(help="The hub's address; it knows where the banks are.")] = HUB_URL_DEFAULT,
    operator_password: Annotated[
        str,
        typer.Option(envvar="OPERATOR_PASSWORD", help="Of hub and banks; a demo asks for none.", show_default=False),
    ] = "",
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait at most until nothing is under way.")] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document instead of tables.")] = False,
) -> None:
    """Audits a running network: no money made or lost, every transfer with one outcome. Exit code 1 when broken."""
    address = web_address("--hub", hub)
    with reporting_errors():
        client = new_client(operator_password)
        try:
            report = NetworkReader(address, client).audit(wait)
        finally:
            client.close()
    if json:
        print_json(audit_document(report))
    else:
        print_audit(report)
    if report.moving:
        raise typer.Exit(EXIT_USAGE)
    raise typer.Exit(0 if report.is_ok else EXIT_BROKEN)
