"""The options of a run: on locust's command line, in the environment, and on the form of its page."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol

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

    def add_argument(self, *names: str, **how: Any) -> object: ...


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


class Option(NamedTuple):
    name: str
    text: str
    is_in_web_ui: bool = True


OPTIONS: Final[Mapping[str, Option]] = {
    "rate_per_second": Option("rate", "users who arrive in a second, at the highest"),
    "seconds": Option("seconds", "how long they arrive"),
    "shape": Option(
        "shape",
        "soak: all the time alike; ramp: from nothing to the rate; spike: a quarter of it, all of it in the middle",
    ),
    "share_of_first": Option("skew", "the share of visits to the first bank"),
    "mix": Option("mix", "the parts of people, integrators and look-ups"),
    "customers": Option("customers", "how many accounts are opened first"),
    "settle_seconds": Option("settle-seconds", "a payment that is not final by then has failed"),
    "think_seconds": Option("think-seconds", "how long people look at a page, on average"),
    "hub": Option("hub", "the hub's address", False),
    "hub_grpc": Option("hub-grpc", "the address of the hub's gRPC, host:port", False),
    "banks": Option("banks", "001=http://…,002=http://… where those that the banks announce do not lead there", False),
    "bank_secrets": Option("bank-secrets", "001=…,002=…: the secrets of the banks that look keys up", False),
    "operator_password": Option("operator-password", "of banks and hub", False),
    "report": Option("report", "write an HTML report into this file", False),
    "result": Option("result", "write the result as JSON into this file", False),
}
"""By the field of `LoadOptions`."""


def _variable(option: Option) -> str:
    name = option.name.upper().replace("-", "_")
    return name if option.name == "operator-password" else f"CODEPIX_{name}"


def _text(value: object) -> str:
    """As it is written in the environment."""
    if isinstance(value, Mapping):
        return ",".join(f"{code}={text}" for code, text in value.items())
    return "" if value is None else str(value)


def add_options(parser: Parser) -> None:
    for field, option in OPTIONS.items():
        default = getattr(LoadOptions(), field)
        is_number = isinstance(default, int | float)
        how: dict[str, Any] = {} if option.is_in_web_ui else {"include_in_web_ui": False}
        if isinstance(default, Shape):
            how["choices"] = [shape.value for shape in Shape]
        parser.add_argument(
            f"--{option.name}",
            env_var=_variable(option),
            type=type(default) if is_number else str,
            default=default if is_number else _text(default),
            help=option.text,
            **how,
        )


def environment_of(options: LoadOptions) -> Mapping[str, str]:
    """The options as locust's process reads them; not its command line, which would show secrets to all users."""
    return {_variable(option): _text(getattr(options, field)) for field, option in OPTIONS.items()}


def read_options(parsed: Namespace) -> LoadOptions:
    """Reads what was chosen. Raises `OptionRefused`."""
    values = {field: getattr(parsed, option.name.replace("-", "_")) for field, option in OPTIONS.items()}
    values["shape"] = Shape(parsed.shape)
    values["banks"] = read_pairs("banks", parsed.banks, "001=http://127.0.0.1:8001")
    values["bank_secrets"] = read_pairs("bank-secrets", parsed.bank_secrets, "001=secret")
    return check_options(LoadOptions(**values))


def check_options(options: LoadOptions) -> LoadOptions:
    """The options, with their addresses in the plainest form. Raises `OptionRefused` for what cannot be."""
    for field, least, most in (
        ("rate_per_second", RATE_MIN, RATE_MAX),
        ("seconds", 1, SECONDS_MAX),
        ("share_of_first", 0, 1),
        ("customers", 1, CUSTOMERS_MAX),
        ("settle_seconds", 1, SECONDS_MAX),
        ("think_seconds", 0, THINK_SECONDS_MAX),
    ):
        number = getattr(options, field)
        if not least <= number <= most:
            raise OptionRefused(f"--{OPTIONS[field].name}: {number:g} is not from {least:g} to {most:g}.")
    with _refusing("mix"):
        parse_mix(options.mix)
    with _refusing("hub"):
        options = replace(options, hub=check_web_address(options.hub))
    with _refusing("hub-grpc"):
        return replace(options, hub_grpc=check_grpc_address(options.hub_grpc))


def read_pairs(name: str, text: str, example: str) -> Mapping[str, str] | None:
    """None of nothing. Raises `OptionRefused`."""
    with _refusing(name):
        return parse_pairs(text, example) or None


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise OptionRefused(f"--{name}: {error}.") from None
