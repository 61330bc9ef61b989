"""The hub's settings, from the environment."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from hub.domain.look_ups import LOOK_UPS_OF_A_BANK, MISS_COST
from pix.participant.settings import (
    SECONDS_MAX,
    HeaderPassword,
    Host,
    PemFile,
    Port,
    ServiceSettings,
    WebAddress,
    if_set,
)
from pix.rpc.kinds import GrpcServerKind
from pix.runtime.addresses import check_web_address
from pix.scheme.buckets import BucketPolicy

PLACE_OF_CODE: Final = "{code}"
LOOK_UPS_MAX: Final = 1e9


def _check_panel_url(text: str) -> str:
    if any(character in text for character in ";,'\""):
        raise ValueError("must be a web address without ; , ' and \"")
    return check_web_address(text)


def _check_banks_url(text: str) -> str:
    if PLACE_OF_CODE not in text:
        raise ValueError(f"must have {PLACE_OF_CODE} where the bank's code stands")
    # With a code, as it will be used: braces are in no address.
    check_web_address(text.replace(PLACE_OF_CODE, "001"))
    return text.strip()


class HubSettings(ServiceSettings):
    grpc_host: Host = "127.0.0.1"
    """The address to listen on, such as `::1`; `0.0.0.0` for all of IPv4, `::` for IPv4 and IPv6."""
    grpc_port: Port = 50_051
    """The gRPC port, for the banks."""
    grpc_server: GrpcServerKind = GrpcServerKind.CORE
    """`core`: unary calls on gRPC's core, several times as many a second. `plain`: gRPC's own server, on its public
    interface; it also replaces `core`, with a warning, if the installed grpcio does not fit."""
    grpc_tls_certificate: PemFile = ""
    """The file with the hub's certificate; with it and its key, the hub accepts only encrypted gRPC."""
    grpc_tls_key: PemFile = ""
    """The file with the key of that certificate."""
    grpc_tls_client_ca: PemFile = ""
    """The file with the banks' certificate authority; with it, each bank must show its certificate."""
    look_up_bucket: Annotated[float, Field(ge=MISS_COST, le=LOOK_UPS_MAX)] = LOOK_UPS_OF_A_BANK.capacity
    """Rate limit of look-ups: the size of each bank's token bucket; a miss takes three tokens."""
    look_ups_per_minute: Annotated[float, Field(gt=0, le=LOOK_UPS_MAX)] = LOOK_UPS_OF_A_BANK.tokens_per_minute
    """Rate limit of look-ups: the tokens that flow into each bank's bucket in a minute."""
    public_url: WebAddress = ""
    """The console's address in a browser, behind a proxy the proxy's. With https, cookies are `Secure`."""
    lab_panel_url: Annotated[str, AfterValidator(if_set(_check_panel_url))] = ""
    """The address of the lab's panel: the console links to it, and only it may show the network map in a frame."""
    banks_url: Annotated[str, AfterValidator(if_set(_check_banks_url))] = ""
    """The banks' addresses for bookings, such as `http://bank-{code}:8000`. Empty: the addresses of their pages."""
    banks_operator_password: HeaderPassword = ""
    """The banks' operator password, for the bookings on a transfer's page. Empty: the hub sends none."""
    course_mode: bool = False
    """Lets banks of the original CodePix course take part: see docs/course-mode.md. Not with `VIRTUAL_CLOCK`."""
    course_grpc_host: Host = "127.0.0.1"
    """With `COURSE_MODE`: the address of the gRPC service for course banks. It has neither TLS nor secrets."""
    course_grpc_port: Port = 50_052
    """With `COURSE_MODE`: the port of that service."""
    course_answer_seconds: Annotated[float, Field(ge=1, le=SECONDS_MAX)] = 60.0
    """With `COURSE_MODE`: how long a course bank may leave a payment to its customer unanswered; then it fails (ED05).
    A bank's first answer takes about five seconds."""
    transfer_timeout: Annotated[float, Field(gt=0, le=SECONDS_MAX)] | None = None
    """Seconds until a pending transfer fails with AB03; 40 in the real scheme. Unset: no timeout."""

    @model_validator(mode="after")
    def _check_tls(self) -> HubSettings:
        if bool(self.grpc_tls_certificate) != bool(self.grpc_tls_key):
            raise ValueError("GRPC_TLS_CERTIFICATE and GRPC_TLS_KEY: the one needs the other")
        if self.grpc_tls_client_ca and not self.grpc_tls_certificate:
            raise ValueError("GRPC_TLS_CLIENT_CA: needs GRPC_TLS_CERTIFICATE and GRPC_TLS_KEY")
        return self

    @model_validator(mode="after")
    def _check_course_mode(self) -> HubSettings:
        if self.course_mode and self.virtual_clock:
            raise ValueError("COURSE_MODE: not with VIRTUAL_CLOCK, which course banks do not follow")
        return self

    @property
    def service(self) -> str:
        return "codepix-hub"

    @property
    def course_answer_ms(self) -> int:
        return round(self.course_answer_seconds * 1000)

    @property
    def look_up_policy(self) -> BucketPolicy:
        return BucketPolicy(self.look_up_bucket, self.look_ups_per_minute)

    @property
    def transfer_timeout_ms(self) -> int | None:
        return None if self.transfer_timeout is None else round(self.transfer_timeout * 1000)
