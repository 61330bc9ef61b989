"""The environment of a bank, as docs/bank-contract.md names it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pix.runtime.addresses import http_url
from pix.runtime.settings_error import SettingsError
from pix.scheme.errors import SchemeError
from pix.scheme.ids import check_bank_code, check_ispb, ispb_of_code
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.texts import check_bank_name
from pix.wire.topics import bank_topic

RESEND_SECONDS_MAX = 86_400.0
PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Settings:
    code: str
    ispb: str
    name: str
    color: str
    secret: str
    hub_address: str
    kafka_servers: str
    http_host: str
    http_port: int
    folder: Path
    """Holds everything that the bank must not lose."""
    retransmission: RetransmissionPolicy

    @property
    def topic(self) -> str:
        return bank_topic(self.code)

    @property
    def url(self) -> str:
        return http_url(self.http_host, self.http_port)


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError, which names the variable and the rule."""
    try:
        code = check_bank_code(_needed(environment, "BANK_CODE"))
        return Settings(
            code=code,
            ispb=check_ispb(environment.get("BANK_ISPB") or ispb_of_code(code)),
            name=check_bank_name(_needed(environment, "BANK_NAME")),
            color=environment.get("BANK_COLOR") or "#5c6770",
            secret=_needed(environment, "BANK_SECRET"),
            hub_address=_needed(environment, "HUB_GRPC_ADDRESS"),
            kafka_servers=_needed(environment, "KAFKA_BOOTSTRAP_SERVERS"),
            http_host=environment.get("HTTP_HOST") or "127.0.0.1",
            http_port=_port(_needed(environment, "HTTP_PORT")),
            folder=Path(_needed(environment, "DATA_DIR")),
            retransmission=RetransmissionPolicy(
                first_ms=_milliseconds(environment, "RESEND_FIRST_SECONDS", 5.0),
                cap_ms=_milliseconds(environment, "RESEND_CAP_SECONDS", 60.0),
            ),
        )
    except SchemeError as error:
        raise SettingsError(f"{error.field}: {error.rule}") from None


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name}: is not set")
    return value


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= PORT_MAX):
        raise SettingsError(f"HTTP_PORT: must be a number from 1 to {PORT_MAX}")
    return int(text)


def _milliseconds(environment: Mapping[str, str], name: str, default_seconds: float) -> int:
    text = environment.get(name) or str(default_seconds)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds <= RESEND_SECONDS_MAX:
        raise SettingsError(f"{name}: must be a number of seconds above 0, at most {RESEND_SECONDS_MAX:.0f}")
    return round(seconds * 1_000)
