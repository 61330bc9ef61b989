"""What the environment says about one bank."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from bank_sim.application.credentials.authorise import TOKEN_SECONDS
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.charges.offers import UnknownCharges
from bank_sim.domain.limits import LimitKind, LimitPolicy
from bank_sim.domain.schedules.calendar import TryTimes, parse_try_times
from bank_sim.entrypoints.api_pix_options import REQUESTS_PER_MINUTE, ApiPixOptions, ProfileName
from pix.participant.settings import (
    HeaderPassword,
    OptionalSecret,
    PemFile,
    Port,
    Secret,
    ServiceSettings,
    WebAddress,
    if_set,
)
from pix.runtime.addresses import (
    check_grpc_address,
    check_host,
    check_payload_host,
    check_web_address,
    is_loopback,
    join_host_port,
    reachable_host,
)
from pix.runtime.allowed_hosts import parse_allowed_hosts
from pix.scheme.errors import SchemeError
from pix.scheme.ids import check_bank_code, check_ispb, ispb_of_code
from pix.scheme.money import AMOUNT_CENTAVOS_MAX
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.texts import check_bank_name, check_color


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


LIMIT_RAISE_HOURS_MAX: Final = 30 * 24
LimitCentavos = Annotated[int, Field(ge=0, le=AMOUNT_CENTAVOS_MAX)]


def _check_webhook_hosts(text: str) -> str:
    parse_allowed_hosts(text)
    return text


def _check_try_times(text: str) -> str:
    parse_try_times(text)
    return text


def _check_payload_host(text: str) -> str:
    try:
        return check_payload_host(text)
    except SchemeError as error:
        raise ValueError(error.rule) from None


_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_PREFIX_LENGTH_MAX: Final = 100
_ANY_ORIGIN: Final = "*"


def _check_prefix(text: str) -> str:
    if len(text) > _PREFIX_LENGTH_MAX or not _PREFIX.fullmatch(text):
        raise ValueError("must be a path such as /api/pix, without a slash at its end")
    return text


def _check_origins(text: str) -> str:
    for origin in _parts_of(text):
        if origin != _ANY_ORIGIN and check_web_address(origin) != origin:
            raise ValueError(f"{origin!r} must be an origin such as https://shop.example")
    return text


def _parts_of(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


class BankSettings(ServiceSettings):
    """The settings of a bank; `BANK_CODE`, `BANK_NAME`, `BANK_COLOR` and `BANK_SECRET` make the one app this bank."""

    bank_code: Annotated[str, AfterValidator(check_bank_code)]
    """Three digits: the code with which the hub's operator has added the bank."""
    bank_name: Annotated[str, AfterValidator(check_bank_name)]
    """At most 40 characters."""
    bank_color: Annotated[str, AfterValidator(check_color)] = "#3b5bdb"
    """`#rrggbb`"""
    bank_ispb: Annotated[str, AfterValidator(if_set(check_ispb))] = ""
    """Eight characters. Empty: the code padded with zeros."""
    bank_secret: Secret
    """Shared with the hub: authenticates calls, signs messages. At least 16 characters."""
    bank_secret_other: OptionalSecret = ""
    """While the secret changes, the other secret with which the hub may sign. The bank does not sign with it."""
    hub_grpc_address: Annotated[str, AfterValidator(check_grpc_address)] = "127.0.0.1:50051"
    """host:port, with an IPv6 address in brackets; `dns:///host:port` for a name of several replicas, which the bank
    calls in turn."""
    hub_console_url: WebAddress = ""
    """The address of the hub's console in a browser, to which pages link: those of the back office, and with
    `DEMO_MODE` the customer's pages as well. Empty: no page links to it."""
    hub_operator_password: HeaderPassword = ""
    """The hub's operator password, for `codepix-bank restore-transfers`. Empty: the command sends none."""
    public_url: WebAddress = ""
    """The address of the bank's pages in a browser. With https, cookies are `Secure`."""
    http_port: Port = 8001
    payload_host: Annotated[str, AfterValidator(if_set(_check_payload_host))] = ""
    """`host` or `host:port`, at most 43 characters, where other banks fetch the payloads of this bank's dynamic codes;
    it stands in every code. Empty: that of `PUBLIC_URL`, or `127.0.0.1` with `HTTP_PORT`. A host of the internet is
    asked by https alone, one of a private network by http unless `PUBLIC_URL` is https with the same host."""
    hub_tls_ca: PemFile = ""
    """The file with the hub's certificate authority; with it, calls to the hub are encrypted."""
    hub_tls_certificate: PemFile = ""
    """The file with this bank's certificate, which names its ISPB, for a hub that requires one."""
    hub_tls_key: PemFile = ""
    """The file with the key of that certificate."""
    hub_tls_name: Annotated[str, AfterValidator(if_set(check_host))] = ""
    """The name that the hub's certificate must have. Empty: the host of `HUB_GRPC_ADDRESS`."""

    limits: Switch = Switch.OFF
    """`on` gives every person the four limits below; a company has none. `off`: an account has only the limits that
    its customer sets. The limits of day (06:00 to 20:00) and night (20:00 to 06:00) are of São Paulo time."""
    limit_day_transfer_centavos: LimitCentavos = 500_000
    """A person's limit of one Pix by day, in centavos."""
    limit_day_period_centavos: LimitCentavos = 1_000_000
    """A person's limit of all Pix of one day, in centavos."""
    limit_night_transfer_centavos: LimitCentavos = 100_000
    """A person's limit of one Pix by night, in centavos."""
    limit_night_period_centavos: LimitCentavos = 100_000
    """A person's limit of all Pix of one night, in centavos."""
    limit_raise_hours: Annotated[int, Field(ge=0, le=LIMIT_RAISE_HOURS_MAX)] = 24
    """How long a limit that a customer raises waits before it counts. A lower one counts at once."""
    schedule_try_times: Annotated[str, AfterValidator(_check_try_times)] = "00:00,08:00,18:00"
    """When a scheduled payment is tried on its day, in São Paulo, in ascending order; after the last try it failed."""

    unknown_charges: UnknownCharges = UnknownCharges.REFUSE
    """What happens to a payment by dynamic code that no charge of the payee waits for (unknown, expired, paid, removed,
    or another payment of it is on its way), or whose amount is not the charge's: `refuse` rejects it with BE17 or AM09,
    `accept` credits it all the same. Real banks do either."""
    api_pix_prefix: Annotated[str, AfterValidator(if_set(_check_prefix))] = ""
    """A path such as `/api/pix` behind which the API Pix is served as well: `/api/pix/v2`, `/api/pix/oauth/token`."""
    api_pix_profile: ProfileName = ProfileName.BCB
    """`bcb` serves the Central Bank's API Pix alone; `efi` adds what clients of Efí expect: trailing slashes on lists,
    and `GET /v2/loc/{id}/qrcode`."""
    api_pix_cors_origins: Annotated[str, AfterValidator(if_set(_check_origins))] = ""
    """Origins whose pages may call the API Pix, separated by commas; `*` for all. Empty: none."""
    api_pix_requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = REQUESTS_PER_MINUTE
    """Rate limit of a credential of the API Pix, in each process."""
    api_pix_token_seconds: Annotated[int, Field(ge=5, le=86_400)] = TOKEN_SECONDS
    """How long a token of the API Pix is valid."""
    api_pix_port: Port | None = None
    """A separate port for the API Pix, on `HTTP_HOST`. Unset: it is on the HTTP port."""
    api_pix_tls_certificate: PemFile = ""
    """The file with the bank's certificate for `API_PIX_PORT`, which then takes only encrypted connections."""
    api_pix_tls_key: PemFile = ""
    """The file with the key of that certificate."""
    api_pix_tls_client_ca: PemFile = ""
    """The file with the authority of merchants' certificates; with it each client must show one (mutual TLS), and a
    token is valid only with the certificate that it was asked with."""
    webhook_hosts: Annotated[str, AfterValidator(_check_webhook_hosts)] = ""
    """Public hosts that webhooks may go to by https, separated by commas: `hooks.example.com`, `*.example.com`, or `*`
    for all. Loopback and private addresses always may, by http too; link-local ones never."""
    webhook_ca: PemFile = ""
    """The file with certificate authorities that webhooks' receivers are known by, beside the system's."""
    webhook_timeout_seconds: Annotated[float, Field(ge=0.1, le=30)] = 5.0
    """How long a receiver of a webhook may take for its whole answer."""
    webhook_retry_first_seconds: Annotated[float, Field(ge=0.1, le=3_600)] = 1.0
    """Time until a webhook is sent again without an answer of 2xx; it doubles after each."""
    webhook_retry_cap_seconds: Annotated[float, Field(ge=0.1, le=3_600)] = 60.0
    """The longest time between two attempts of a webhook. It is tried until the answer is 2xx."""
    webhook_pix_max: Annotated[int, Field(ge=1, le=100)] = 20
    """How many Pix of one key a webhook may tell of at once; 1: each alone."""

    bank_contract: Switch = Switch.OFF
    """`on` serves `/contract/v1` for `codepix conform` and `codepix league`: accounts are opened and money is paid
    without sign-in. Never for money that is meant; `HTTP_HOST` must be a loopback address."""

    @model_validator(mode="after")
    def _check_webhook_retries(self) -> BankSettings:
        if self.webhook_retry_cap_seconds < self.webhook_retry_first_seconds:
            raise ValueError("WEBHOOK_RETRY_CAP_SECONDS: must not be less than WEBHOOK_RETRY_FIRST_SECONDS")
        return self

    @model_validator(mode="after")
    def _fill_in_ispb(self) -> BankSettings:
        if not self.bank_ispb:
            # Frozen for everybody else; here the settings are still in the making.
            object.__setattr__(self, "bank_ispb", ispb_of_code(self.bank_code))
        return self

    @model_validator(mode="after")
    def _fill_in_payload_host(self) -> BankSettings:
        if not self.payload_host:
            own = join_host_port(reachable_host(self.http_host), self.http_port)
            host = urlsplit(self.public_url).netloc if self.public_url else own
            try:
                object.__setattr__(self, "payload_host", _check_payload_host(host))
            except ValueError as error:
                raise ValueError(f"PAYLOAD_HOST: that of PUBLIC_URL {error}; set a shorter one") from None
        return self

    @model_validator(mode="after")
    def _check_tls(self) -> BankSettings:
        if bool(self.hub_tls_certificate) != bool(self.hub_tls_key):
            raise ValueError("HUB_TLS_CERTIFICATE and HUB_TLS_KEY: the one needs the other")
        if self.hub_tls_certificate and not self.hub_tls_ca:
            raise ValueError("HUB_TLS_CA: is needed to know the hub by, when HUB_TLS_CERTIFICATE or HUB_TLS_KEY is set")
        return self

    @model_validator(mode="after")
    def _check_api_pix(self) -> BankSettings:
        if bool(self.api_pix_tls_certificate) != bool(self.api_pix_tls_key):
            raise ValueError("API_PIX_TLS_CERTIFICATE and API_PIX_TLS_KEY: the one needs the other")
        if self.api_pix_tls_client_ca and not self.api_pix_tls_certificate:
            raise ValueError("API_PIX_TLS_CERTIFICATE: is needed with API_PIX_TLS_CLIENT_CA")
        if self.api_pix_tls_certificate and self.api_pix_port is None:
            raise ValueError("API_PIX_PORT: is needed with API_PIX_TLS_CERTIFICATE")
        if self.api_pix_port == self.http_port:
            raise ValueError("API_PIX_PORT: must not be HTTP_PORT")
        return self

    @model_validator(mode="after")
    def _check_contract(self) -> BankSettings:
        if self.bank_contract is Switch.ON and not is_loopback(self.http_host):
            raise ValueError("BANK_CONTRACT: needs HTTP_HOST to be a loopback address, such as 127.0.0.1")
        return self

    @property
    def api_pix(self) -> ApiPixOptions:
        """How the API Pix is served."""
        return ApiPixOptions(
            prefix=self.api_pix_prefix,
            profile=self.api_pix_profile,
            cors_origins=_parts_of(self.api_pix_cors_origins),
            requests_per_minute=self.api_pix_requests_per_minute,
        )

    @property
    def limit_policy(self) -> LimitPolicy:
        """What accounts may pay unless their customers have set limits."""
        of_persons = {
            LimitKind.DAY_TRANSFER: self.limit_day_transfer_centavos,
            LimitKind.DAY_PERIOD: self.limit_day_period_centavos,
            LimitKind.NIGHT_TRANSFER: self.limit_night_transfer_centavos,
            LimitKind.NIGHT_PERIOD: self.limit_night_period_centavos,
        }
        return LimitPolicy(of_persons if self.limits is Switch.ON else {}, self.limit_raise_hours * 3_600_000)

    @property
    def try_times(self) -> TryTimes:
        """When a scheduled payment is tried on its day."""
        return parse_try_times(self.schedule_try_times)

    @property
    def webhook_policy(self) -> RetransmissionPolicy:
        """When a webhook is sent again."""
        return RetransmissionPolicy(
            first_ms=round(self.webhook_retry_first_seconds * 1000), cap_ms=round(self.webhook_retry_cap_seconds * 1000)
        )

    @property
    def service(self) -> str:
        return f"codepix-bank-{self.bank_code}"

    @property
    def identity(self) -> BankIdentity:
        return BankIdentity(code=self.bank_code, ispb=self.bank_ispb, name=self.bank_name, color=self.bank_color)
