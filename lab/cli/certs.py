"""`codepix certs`: certificates for mutual TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lab.cli.terminal import EXIT_USAGE, refuse
from lab.network.certs import HUB_NAMES, make_certificates
from lab.network.network import DEMO_BANKS
from lab.read.report import console
from pix.scheme.errors import SchemeError


def certs(
    folder: Annotated[Path, typer.Option(help="Where they are put; what is there already stays.")],
    bank: Annotated[list[str] | None, typer.Option(help="A bank's code; may be given again.")] = None,
    hub_name: Annotated[list[str] | None, typer.Option(help="A name of the hub; may be given again.")] = None,
) -> None:
    """Makes an authority for demonstrations, and certificates for mutual TLS on gRPC and on the banks' API Pix."""
    codes = bank or [spec.code for spec in DEMO_BANKS]
    try:
        made = make_certificates(folder.absolute(), codes, hub_name or HUB_NAMES)
    except SchemeError as error:
        raise refuse(f"--bank: {error.rule}", EXIT_USAGE) from None
    except OSError as error:
        raise refuse(f"--folder: {folder}: {error.strerror}", EXIT_USAGE) from None
    of_banks = {f"Bank {code}": made.bank_settings(code) | made.api_pix_settings(code) for code in made.banks}
    settings = {"The hub": made.hub_settings(), **of_banks}
    for title, values in settings.items():
        lines = (f"  {name}={value}" for name, value in values.items())
        console.print(f"{title}:", *lines, sep="\n", markup=False, highlight=False, soft_wrap=True)
    console.print(
        "API_PIX_TLS_… are for a bank with API_PIX_PORT. Its clients show a certificate such as",
        f"  {made.merchant.certificate} with {made.merchant.key}",
        sep="\n",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
