"""`codepix`: runs a whole network on one machine, breaks it, measures it and audits it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

import typer

from lab.cli.audit import audit
from lab.cli.certs import certs
from lab.cli.clock import clock
from lab.cli.cluster import cluster
from lab.cli.conform import conform
from lab.cli.demo import demo
from lab.cli.experiment import experiment
from lab.cli.league import league
from lab.cli.payer import payer
from lab.cli.sandbox import sandbox
from lab.cli.scenario import scenario
from lab.cli.smoke import smoke
from pix.participant.commands import offer_version

COMMANDS_GROUP: Final = "codepix.commands"
"""The entry points by which other packages add commands, each a function with typer's options (see pyproject.toml)."""

app = typer.Typer(
    help="CodePix: an instant-payment network in a box.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.callback()(offer_version)
for command in (demo, sandbox, certs, audit, smoke, experiment, scenario, conform, league, cluster):
    app.command()(command)
app.add_typer(clock, name="clock")
app.add_typer(payer, name="payer")
for added in sorted(entry_points(group=COMMANDS_GROUP)):
    app.command(added.name)(added.load())


def main() -> None:
    app()
