"""`codepix`: runs a whole network on one machine, breaks it, measures it and audits it."""

from __future__ import annotations

import typer

from lab.cli.audit import audit
from lab.cli.bench import bench
from lab.cli.certs import certs
from lab.cli.demo import demo
from lab.cli.experiment import experiment
from lab.cli.load import load
from lab.cli.scenario import scenario
from lab.cli.smoke import smoke

app = typer.Typer(
    help="CodePix: an instant-payment network in a box.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (demo, certs, audit, smoke, experiment, scenario, bench, load):
    app.command()(command)


def main() -> None:
    app()
