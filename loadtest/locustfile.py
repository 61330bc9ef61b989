"""Locust's file: simulated users of pages, of the REST API and of look-ups, at an arrival rate, and the verdict.

    locust --locustfile loadtest/locustfile.py --headless --rate 5 --seconds 60

Without `--headless` locust's page (port 8089) starts a run, and shows the verdict under `/verdict`. `codepix load`
starts a network first. The exit code is 1 when a pass line is missed or the audit is red, 2 when the run cannot begin.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import grpc.experimental.gevent as grpc_gevent
from locust import LoadTestShape, events
from locust.html import get_html_report
from locust.runners import LocalRunner

from lab.read.report import console
from loadtest.users.api_user import ApiUser
from loadtest.users.evaluation import evaluate
from loadtest.users.load_run import LoadRun
from loadtest.users.look_up_user import LookUpUser
from loadtest.users.mix import UserKind
from loadtest.users.options import LoadOptions, OptionRefused, add_options, read_options
from loadtest.users.report import print_verdict, verdict_html
from loadtest.users.verdict import Verdict
from loadtest.users.web_user import WebUser
from pix.participant.process import heed_interrupts

EXIT_MISSED: Final = 1
EXIT_USAGE: Final = 2
KINDS: Final = {UserKind.PEOPLE: WebUser, UserKind.INTEGRATORS: ApiUser, UserKind.LOOK_UPS: LookUpUser}

__all__ = ["ApiUser", "Arrivals", "LookUpUser", "WebUser"]


class Arrivals(LoadTestShape):
    """Leaves the arrivals to `LoadRun`, and ends with it.

    Locust's own unit is the number of users at the same time. Here it follows from the arrival rate, and from how long
    the network takes.
    """

    abstract = False

    def tick(self) -> tuple[int, float] | None:
        """Locust starts no user; None when the last user has finished."""
        load_run = getattr(cast("Any", self.runner).environment, "load_run", None)
        return None if load_run is not None and load_run.is_over else (0, 1.0)


events.init_command_line_parser.add_listener(add_options)  # type: ignore[no-untyped-call]


@events.init.add_listener  # type: ignore[untyped-decorator]
def prepare(environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
    """Checks the options before the run begins, and adds the verdict's page to locust's own."""
    heed_interrupts()
    if not isinstance(runner, LocalRunner):
        _refuse("The load comes from one process: start locust without --master, --worker and --processes.")
    try:
        read_options(environment.parsed_options)
    except OptionRefused as error:
        _refuse(str(error))
    # gRPC starts threads, and locust's users are greenlets: without this a call would stop all of them.
    grpc_gevent.init_gevent()
    # Locust starts no user; once it reports that as done, the run's own arrivals begin.
    environment.events.spawning_complete.add_listener(lambda **_: _begin(environment))
    if web_ui is not None:
        web_ui.app.add_url_rule("/verdict", "verdict", lambda: _verdict_page(environment))


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def finish(environment: Any, **_: Any) -> None:
    """The run is over or was stopped: what there is of it is judged, and said in the form that was asked for."""
    load_run: LoadRun | None = getattr(environment, "load_run", None)
    if load_run is None:
        return
    environment.load_run = None
    load_run.end()
    if getattr(environment, "is_quitting", False):
        return
    verdict = evaluate(load_run, environment.stats.total.num_failures)
    environment.verdict = verdict
    environment.process_exit_code = EXIT_USAGE if verdict.problem else 0 if verdict.is_ok else EXIT_MISSED
    if load_run.options.report:
        Path(load_run.options.report).write_text(_html(environment, verdict), encoding="utf-8")
    if load_run.options.result:
        document = json.dumps(verdict.document(), ensure_ascii=False, indent=2)
        Path(load_run.options.result).write_text(document, encoding="utf-8")
    else:
        print_verdict(verdict, console)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def quit_at_once(environment: Any, **_: Any) -> None:
    """A process that is ended in the middle of a run does not wait for an audit."""
    environment.is_quitting = True


def _begin(environment: Any) -> None:
    try:
        options, problem = read_options(environment.parsed_options), ""
    except OptionRefused as error:
        # Typed into locust's page, which does not check it.
        options, problem = LoadOptions(), str(error)
    load_run = LoadRun(environment, options, {kind: user.__name__ for kind, user in KINDS.items()})
    environment.load_run = load_run
    if problem:
        load_run.refuse(problem)
    else:
        load_run.begin()


def _refuse(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    sys.exit(EXIT_USAGE)


def _verdict_page(environment: Any) -> str:
    verdict: Verdict | None = getattr(environment, "verdict", None)
    return "Run a load first." if verdict is None else _html(environment, verdict)


def _html(environment: Any, verdict: Verdict) -> str:
    report: str = get_html_report(environment, show_download_link=False)  # type: ignore[no-untyped-call]
    return verdict_html(verdict, report)
