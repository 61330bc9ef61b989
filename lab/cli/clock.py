"""`codepix clock`: shows and moves the virtual clock of a running network. Times are São Paulo's."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from lab.cli.audit import HUB_URL_DEFAULT
from lab.cli.terminal import EXIT_BROKEN, EXIT_USAGE, refuse, reporting_errors, web_address
from lab.read.report import console, print_json
from lab.read.rest import HubRest, Json, Refused, new_client
from pix.scheme.clock import RATE_MAX
from pix.scheme.days import instant_ms, local

NOT_FOUND: Final = 404
LOOK_SECONDS: Final = 0.5
UNITS_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhdw])")

clock = typer.Typer(help="Shows and moves the network's virtual clock.", no_args_is_help=True)

Hub = Annotated[str, typer.Option(help="The hub's address.")]
Password = Annotated[
    str, typer.Option(envvar="OPERATOR_PASSWORD", help="Of the hub; a demo asks for none.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]


@clock.command()
def show(hub: Hub = HUB_URL_DEFAULT, operator_password: Password = "", json: AsJson = False) -> None:
    """Shows the time, the rate, and what is due next."""
    with _hub_of(hub, operator_password) as rest:
        _print(rest.get("/clock"), json)


@clock.command()
def advance(
    by: Annotated[str, typer.Argument(help="Such as 90s, 30m, 8h, 3d or 2w.")],
    hub: Hub = HUB_URL_DEFAULT,
    operator_password: Password = "",
    json: AsJson = False,
) -> None:
    """Moves the clock ahead, stops at every due item on the way, and waits until it has arrived."""
    milliseconds = duration_ms(by)
    with _hub_of(hub, operator_password) as rest:
        _move(rest, "/clock/advance", {"milliseconds": milliseconds}, json)


@clock.command()
def until(
    at: Annotated[str, typer.Argument(help="A time in São Paulo, such as 2027-01-31T20:00.")],
    hub: Hub = HUB_URL_DEFAULT,
    operator_password: Password = "",
    json: AsJson = False,
) -> None:
    """Moves the clock to a time, stops at every due item on the way, and waits until it has arrived."""
    at_ms = time_ms(at)
    with _hub_of(hub, operator_password) as rest:
        _move(rest, "/clock/until", {"at_ms": at_ms}, json)


@clock.command()
def rate(
    rate: Annotated[int, typer.Argument(min=1, max=RATE_MAX, help="Virtual seconds in a real second.")],
    hub: Hub = HUB_URL_DEFAULT,
    operator_password: Password = "",
    json: AsJson = False,
) -> None:
    """Sets how fast time passes."""
    with _hub_of(hub, operator_password) as rest:
        _print(rest.call("POST", "/clock/rate", json={"rate": rate}), json)


def duration_ms(text: str) -> int:
    """Raises an exit with code 2 for what is no duration."""
    found = _DURATION.fullmatch(text)
    milliseconds = int(found[1]) * UNITS_MS[found[2]] if found else 0
    if milliseconds == 0:
        raise refuse(f"{text}: write a number above 0 and a unit, such as 90s, 30m, 8h, 3d or 2w.", EXIT_USAGE)
    return milliseconds


def time_ms(text: str) -> int:
    """Raises an exit with code 2 for what is no time in São Paulo."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            return instant_ms(at)
    except (ValueError, OverflowError):
        pass
    raise refuse(f"{text}: write a time in São Paulo without an offset, such as 2027-01-31T20:00.", EXIT_USAGE)


@contextmanager
def _hub_of(hub: str, operator_password: str) -> Iterator[HubRest]:
    address = web_address("--hub", hub)
    with reporting_errors():
        client = new_client(operator_password)
        try:
            yield HubRest(address, client)
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise refuse(f"The network at {address} has no virtual clock (VIRTUAL_CLOCK).", EXIT_USAGE) from None
            raise refuse(refused.rule, EXIT_BROKEN) from None
        finally:
            client.close()


def _move(rest: HubRest, path: str, body: Json, json: bool) -> None:
    seen = rest.call("POST", path, json=body)
    while seen["is_moving"]:
        time.sleep(LOOK_SECONDS)
        seen = rest.get("/clock")
    _print(seen, json)


def _print(seen: dict[str, Any], json: bool) -> None:
    if json:
        print_json(seen)
        return
    kind = "real" if seen["is_real"] else "virtual"
    console.print(f"{_time(seen['now_ms'])} ({kind}), rate {seen['rate']}", highlight=False)
    if seen["is_moving"]:
        console.print(f"Moving until {_time(seen['target_ms'])}", highlight=False)
    for item in seen["due"]:
        console.print(f"Due next: {item['who']} {_time(item['due_ms'])}", highlight=False)
    for name in seen["given_up"]:
        console.print(f"Still open after 30 seconds: {name}", highlight=False, markup=False)


def _time(at_ms: int) -> str:
    return local(at_ms).strftime("%Y-%m-%dT%H:%M:%S")
