"""What locust loads: simulated users of pages, of the REST API and of look-ups, at their arrival rate, and the verdict.

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
from loadtest.crowd.crowd import Crowd
from loadtest.crowd.integrator import Integrator
from loadtest.crowd.judging import judge
from loadtest.crowd.look_up import LookUp
from loadtest.crowd.mix import VisitorKind
from loadtest.crowd.options import LoadOptions, OptionRefused, add_options, read_options
from loadtest.crowd.person import Person
from loadtest.crowd.report import print_verdict, verdict_html
from loadtest.crowd.verdict import Verdict
from pix.participant.process import heed_interrupts

EXIT_MISSED: Final = 1
EXIT_USAGE: Final = 2
KINDS: Final = {VisitorKind.PEOPLE: Person, VisitorKind.INTEGRATORS: Integrator, VisitorKind.LOOK_UPS: LookUp}

__all__ = ["Arrivals", "Integrator", "LookUp", "Person"]


class Arrivals(LoadTestShape):
    """Leaves the arrivals to the crowd, and ends the run with it.

    Locust's own unit is the number of users who are there at the same time. Here it follows from how many come, and how
    long the network keeps them.
    """

    abstract = False

    def tick(self) -> tuple[int, float] | None:
        """Nobody is started by locust; None when the last visitor has left."""
        crowd = getattr(cast("Any", self.runner).environment, "crowd", None)
        return None if crowd is not None and crowd.is_over else (0, 1.0)


events.init_command_line_parser.add_listener(add_options)  # type: ignore[no-untyped-call]


@events.init.add_listener  # type: ignore[untyped-decorator]
def prepare(environment: Any, runner: Any, web_ui: Any, **_: Any) -> None:
    """Whatever is wrong is said before anything begins; the verdict gets a page beside locust's own."""
    heed_interrupts()
    if not isinstance(runner, LocalRunner):
        _refuse("The crowd comes from one process: start locust without --master, --worker and --processes.")
    try:
        read_options(environment.parsed_options)
    except OptionRefused as error:
        _refuse(str(error))
    # gRPC has threads of its own, and locust's visitors are greenlets: without this a call would stop all of them.
    grpc_gevent.init_gevent()
    # Locust has nobody to start; when it says that it has, the crowd's own time begins.
    environment.events.spawning_complete.add_listener(lambda **_: _begin(environment))
    if web_ui is not None:
        web_ui.app.add_url_rule("/verdict", "verdict", lambda: _verdict_page(environment))


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def finish(environment: Any, **_: Any) -> None:
    """The run is over or was stopped: what there is of it is judged, and said in the form that was asked for."""
    crowd: Crowd | None = getattr(environment, "crowd", None)
    if crowd is None:
        return
    environment.crowd = None
    crowd.end()
    if getattr(environment, "is_quitting", False):
        return
    verdict = judge(crowd, environment.stats.total.num_failures)
    environment.verdict = verdict
    environment.process_exit_code = EXIT_USAGE if verdict.problem else 0 if verdict.is_ok else EXIT_MISSED
    if crowd.options.report:
        Path(crowd.options.report).write_text(_html(environment, verdict), encoding="utf-8")
    if crowd.options.result:
        document = json.dumps(verdict.document(), ensure_ascii=False, indent=2)
        Path(crowd.options.result).write_text(document, encoding="utf-8")
    else:
        print_verdict(verdict, console)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def quit_at_once(environment: Any, **_: Any) -> None:
    """Whoever ends the process in the middle of a run does not wait for an audit."""
    environment.is_quitting = True


def _begin(environment: Any) -> None:
    try:
        options, problem = read_options(environment.parsed_options), ""
    except OptionRefused as error:
        # Typed into locust's page, where nobody has checked it.
        options, problem = LoadOptions(), str(error)
    crowd = Crowd(environment, options, {kind: visitor.__name__ for kind, visitor in KINDS.items()})
    environment.crowd = crowd
    if problem:
        crowd.refuse(problem)
    else:
        crowd.begin()


def _refuse(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    sys.exit(EXIT_USAGE)


def _verdict_page(environment: Any) -> str:
    verdict: Verdict | None = getattr(environment, "verdict", None)
    return "Run a load first." if verdict is None else _html(environment, verdict)


def _html(environment: Any, verdict: Verdict) -> str:
    report: str = get_html_report(environment, show_download_link=False)  # type: ignore[no-untyped-call]
    return verdict_html(verdict, report)
