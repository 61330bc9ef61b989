"""The panel's site: the lab, the templates, the tokens of the forms, and the brand."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, Request, Response

from lab.classroom.puzzle_room import PuzzleRoom
from lab.classroom.walkthrough import Walkthrough
from lab.drive.generator.generator import Generator
from lab.network.health_monitor import HealthMonitor
from lab.network.network import Network
from lab.network.supervisor import Supervisor
from lab.panel.history import RunHistory
from lab.panel.map_frame import MapFrame
from lab.panel.network_clock import PanelClock
from lab.panel.tasks import TaskRunner
from pix.web.csrf import Csrf
from pix.web.htmx import asks_for_fragment, see_other
from pix.web.languages import translate
from pix.web.logo import Shape, line
from pix.web.preferences import amounts_are_hidden
from pix.web.site import Looks
from pix.web.templates import language_of

NAME: Final = "CodePix lab"
COLOR: Final = "#9a3412"
"""Rust: no bank of the demo and no other page has this color, so that the lab is not mistaken for the network."""


class Shown(Protocol):
    """What every page of a lab needs of what it shows."""

    @property
    def hub_url(self) -> str:
        """Of the hub's own pages."""

    @property
    def ends(self) -> threading.Event:
        """Set when the lab is about to stop."""

    @property
    def history(self) -> RunHistory: ...
    @property
    def command(self) -> str:
        """What started the lab, and printed the link to it."""

    @property
    def is_cluster(self) -> bool: ...
    @property
    def is_classroom(self) -> bool: ...
    @property
    def may_reset(self) -> bool: ...
    @property
    def virtual_now_ms(self) -> int | None:
        """None where the clock is real."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Everything that the panel shows and moves."""

    network: Network
    supervisor: Supervisor
    health_monitor: HealthMonitor
    generator: Generator
    tasks: TaskRunner
    map_frame: MapFrame
    ends: threading.Event
    """Set when the lab is about to stop."""
    history: RunHistory
    walkthrough: Walkthrough | None = None
    """Of a classroom; then nothing else acts on the network."""
    clock: PanelClock | None = None
    """None in a network without a virtual clock."""
    reset: threading.Event | None = None
    """Set when all is to start again without its data; None where that is not possible."""
    puzzles: PuzzleRoom | None = None
    """Of a classroom."""

    @property
    def hub_url(self) -> str:
        return self.network.hub_url

    @property
    def command(self) -> str:
        return "codepix demo"

    @property
    def is_cluster(self) -> bool:
        return False

    @property
    def is_classroom(self) -> bool:
        return self.walkthrough is not None

    @property
    def may_reset(self) -> bool:
        return self.reset is not None

    @property
    def virtual_now_ms(self) -> int | None:
        return None if self.clock is None else self.clock.virtual_now_ms


_MARK: Final = (
    *(
        line(start, end, 4)
        for start, end in (
            ((23, 14), (41, 14)),
            ((28, 14), (28, 29)),
            ((28, 27), (15, 50)),
            ((36, 14), (36, 29)),
            ((36, 27), (49, 50)),
            ((14, 50), (50, 50)),
        )
    ),
    Shape(((22, 38), (42, 38), (47, 49), (17, 49)), 0.55),
)


class Site:
    def __init__(self, lab: Shown, csrf: Csrf) -> None:
        self.lab = lab
        self.csrf = csrf
        self.looks = Looks(NAME, COLOR, _MARK)

    def context(self, request: Request) -> Mapping[str, Any]:
        return {
            "brand": self.looks.brand(translate(language_of(request), "Break it, and prove it")),
            "csrf_token": self.csrf.token(request),
            "session_mark": "",
            "sign_in_url": "/",
            "amounts_hidden": amounts_are_hidden(request),
            "hub_url": self.lab.hub_url,
            "is_cluster": self.lab.is_cluster,
            "is_classroom": self.lab.is_classroom,
            "may_reset": self.lab.may_reset,
            "section": "",
            "virtual_now_ms": self.lab.virtual_now_ms,
        }


def done(request: Request, url: str = "/") -> Response:
    """After a form: the page moves by itself where there is a script, and is shown anew where there is none."""
    return Response(status_code=204) if asks_for_fragment(request) else see_other(request, url)


def shown_by(request: Request) -> Any:
    """Whatever this lab shows: a `Laboratory`, or a cluster."""
    site: Site = request.app.state.site
    return site.lab


LabOf = Annotated[Laboratory, Depends(shown_by)]
ShownOf = Annotated[Shown, Depends(shown_by)]
