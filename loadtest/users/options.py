"""The options of a run: on locust's command line, in the environment, and on the form of its page."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from loadtest.users.arrivals import Shape
from loadtest.users.mix import MIX_DEFAULT, UserKind, parse_mix, parse_pairs
from pix.runtime.addresses import check_grpc_address, check_web_address

RATE_DEFAULT: Final = 5.0
RATE_MIN: Final = 0.01
RATE_MAX: Final = 1_000.0
SECONDS_DEFAULT: Final = 60.0
SECONDS_MAX: Final = 7 * 24 * 3600.0
SHARE_OF_FIRST_DEFAULT: Final = 0.7
CUSTOMERS_DEFAULT: Final = 60
CUSTOMERS_MAX: Final = 10_000
SETTLE_SECONDS_DEFAULT: Final = 40.0
"""The real scheme's: a transfer that is not final by then has failed."""
THINK_SECONDS_DEFAULT: Final = 1.0
THINK_SECONDS_MAX: Final = 3600.0
HUB_DEFAULT: Final = "http://127.0.0.1:8000"
HUB_GRPC_DEFAULT: Final = "127.0.0.1:50051"


class OptionRefused(Exception):
    """An option that cannot be; the text names it and the rule."""


class Parser(Protocol):
    """Of locust's parser what is needed here, so that this module needs no locust."""

    def add_argument(self, *names: str, **how: Any) -> object:
        """As argparse has it, and `include_in_web_ui`, `is_secret`, `env_var`."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    rate_per_second: float = RATE_DEFAULT
    """Users who arrive in a second, at the shape's highest."""
    seconds: float = SECONDS_DEFAULT
    """How long they arrive; those under way then finish."""
    shape: Shape = Shape.SOAK
    share_of_first: float = SHARE_OF_FIRST_DEFAULT
    """Of all visits, those to the first bank."""
    mix: str = MIX_DEFAULT
    customers: int = CUSTOMERS_DEFAULT
    settle_seconds: float = SETTLE_SECONDS_DEFAULT
    think_seconds: float = THINK_SECONDS_DEFAULT
    """How long people look at a page, on average."""
    hub: str = HUB_DEFAULT
    hub_grpc: str = HUB_GRPC_DEFAULT
    banks: Mapping[str, str] | None = None
    """Addresses by code, where those that the banks announce cannot be reached from here."""
    bank_secrets: Mapping[str, str] | None = None
    """By code: look-ups by gRPC need a bank's secret. Without any there are none."""
    operator_password: str = ""
    report: str = ""
    """The file for the report; empty: none."""
    result: str = ""
    """The file for the same as JSON; empty: the tables are printed instead."""

    @property
    def parts(self) -> dict[UserKind, float]:
        """The shares of the arrivals, by kind of user."""
        return parse_mix(self.mix)


def add_options(parser: Parser) -> None:
    chosen = LoadOptions()

    def add(name: str, kind: type, default: object, text: str, **how: Any) -> None:
        variable = f"CODEPIX_{name.upper().replace('-', '_')}"
        parser.add_argument(f"--{name}", env_var=variable, type=kind, default=default, help=text, **how)

    add("rate", float, chosen.rate_per_second, "users who arrive in a second, at the highest")
    add("seconds", float, chosen.seconds, "how long they arrive")
    add(
        "shape",
        str,
        chosen.shape.value,
        "soak: all the time alike; ramp: from nothing to the rate; spike: a quarter of it, all of it in the middle",
        choices=[shape.value for shape in Shape],
    )
    add("skew", float, chosen.share_of_first, "the share of visits to the first bank")
    add("mix", str, chosen.mix, "the parts of people, integrators and look-ups")
    add("customers", int, chosen.customers, "how many accounts are opened first")
    add("settle-seconds", float, chosen.settle_seconds, "a payment that is not final by then has failed")
    add("think-seconds", float, chosen.think_seconds, "how long people look at a page, on average")
    where = {"include_in_web_ui": False}
    add("hub", str, chosen.hub, "the hub's address", **where)
    add("hub-grpc", str, chosen.hub_grpc, "the address of the hub's gRPC, host:port", **where)
    add("banks", str, "", "001=http://…,002=http://… where those that the banks announce do not lead there", **where)
    add("bank-secrets", str, "", "001=…,002=…: the secrets of the banks that look keys up", **where)
    parser.add_argument(
        "--operator-password", env_var="OPERATOR_PASSWORD", default="", help="of banks and hub", **where
    )
    add("report", str, "", "write an HTML report into this file", **where)
    add("result", str, "", "write the result as JSON into this file", **where)


def read_options(parsed: Namespace) -> LoadOptions:
    """Reads what was chosen. Raises `OptionRefused`."""
    options = LoadOptions(
        rate_per_second=parsed.rate,
        seconds=parsed.seconds,
        shape=Shape(parsed.shape),
        share_of_first=parsed.skew,
        mix=parsed.mix,
        customers=parsed.customers,
        settle_seconds=parsed.settle_seconds,
        think_seconds=parsed.think_seconds,
        hub=parsed.hub,
        hub_grpc=parsed.hub_grpc,
        banks=_pairs("banks", parsed.banks, "001=http://127.0.0.1:8001") or None,
        bank_secrets=_pairs("bank-secrets", parsed.bank_secrets, "001=secret") or None,
        operator_password=parsed.operator_password,
        report=parsed.report,
        result=parsed.result,
    )
    check_options(options)
    return options


def check_options(options: LoadOptions) -> None:
    """Raises `OptionRefused` for what cannot be."""
    for name, number, least, most in (
        ("rate", options.rate_per_second, RATE_MIN, RATE_MAX),
        ("seconds", options.seconds, 1, SECONDS_MAX),
        ("skew", options.share_of_first, 0, 1),
        ("customers", options.customers, 1, CUSTOMERS_MAX),
        ("settle-seconds", options.settle_seconds, 1, SECONDS_MAX),
        ("think-seconds", options.think_seconds, 0, THINK_SECONDS_MAX),
    ):
        if not least <= number <= most:
            raise OptionRefused(f"--{name}: {number:g} is not from {least:g} to {most:g}.")
    for name, check, text in (
        ("hub", check_web_address, options.hub),
        ("hub-grpc", check_grpc_address, options.hub_grpc),
    ):
        try:
            check(text)
        except ValueError as error:
            raise OptionRefused(f"--{name}: {error}.") from None
    try:
        parse_mix(options.mix)
    except ValueError as error:
        raise OptionRefused(f"--mix: {error}.") from None


def _pairs(name: str, text: str, example: str) -> Mapping[str, str]:
    try:
        return parse_pairs(text, example)
    except ValueError as error:
        raise OptionRefused(f"--{name}: {error}.") from None
