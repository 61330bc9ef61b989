"""Settings that every service shares, from the environment.

A secret may also come from a file: `NAME_FILE` names it, as container platforms do.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pix.messaging.kafka.settings import KafkaAssignment, KafkaSecurity, KafkaSettings, SaslMechanism
from pix.postgres.url import check_database_url
from pix.runtime.addresses import PORT_MAX, check_host, check_host_ports, check_web_address
from pix.runtime.passwords import PASSWORD_LENGTH_MIN, is_password_hash
from pix.runtime.settings_error import SettingsError
from pix.scheme.clock import REAL_TIME, VirtualTime, time_of_text
from pix.scheme.errors import SchemeError
from pix.scheme.features import FEATURES, Feature
from pix.scheme.retention import RETENTION_DAYS_MAX, RETENTION_DAYS_MIN
from pix.scheme.retransmission import RetransmissionPolicy
from pix.scheme.seed import SEED_LENGTH_MAX


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"

    @classmethod
    def _missing_(cls, value: object) -> LogLevel | None:
        found = str(value).strip().upper()
        return cls(found) if found in cls.__members__ and found != value else None


SECRET_LENGTH_MIN: Final = 16
"""Of what signs or authenticates without a person who types it."""
SECONDS_MAX: Final = 366 * 86_400
"""Of a time that may be long."""
TRACES_TO_FILE: Final = "file:"


def if_set(check: Callable[[str], str]) -> Callable[[str], str]:
    """The same check for a setting that may be empty."""
    return lambda text: check(text) if text else text


def _of_length(least: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) < least:
            raise ValueError(f"must have at least {least} characters")
        return text

    return check


def _check_pem(text: str) -> str:
    try:
        content = Path(text).read_bytes()
    except (OSError, ValueError) as error:
        # ValueError: a name with a null byte in it.
        reason = error.strerror if isinstance(error, OSError) else "no such name"
        raise ValueError(f"cannot read {text!r}: {reason}") from None
    if b"-----BEGIN " not in content:
        raise ValueError(f"{text!r} is no PEM file")
    return text


def _check_traces(text: str) -> str:
    if text.startswith(TRACES_TO_FILE):
        file = Path(text.removeprefix(TRACES_TO_FILE))
        if not file.name or not os.access(file if file.exists() else file.parent, os.W_OK) or file.is_dir():
            raise ValueError("must name a file that can be written")
    elif text not in ("", "console"):
        raise ValueError("must be console or file:path")
    return text


Host = Annotated[str, AfterValidator(check_host)]
"""To listen on: a name, an IPv4 or an IPv6 address, kept without brackets."""
Port = Annotated[int, Field(ge=1, le=PORT_MAX)]
WebAddress = Annotated[str, AfterValidator(if_set(check_web_address))]
"""Empty, or `http(s)://host…` in its plainest form."""
PemFile = Annotated[str, AfterValidator(if_set(_check_pem))]
"""Empty, or the name of a file with certificates or a key, which is read at the start."""
Secret = Annotated[str, AfterValidator(_of_length(SECRET_LENGTH_MIN)), Field(repr=False)]
OptionalSecret = Annotated[str, AfterValidator(if_set(_of_length(SECRET_LENGTH_MIN))), Field(repr=False)]


def _check_header_password(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be printable ASCII: it is sent in a header of HTTP")
    return text


HeaderPassword = Annotated[str, AfterValidator(_check_header_password), Field(repr=False)]
"""Empty, or the password of another participant's operator, which its REST API is asked with."""


def _check_operator_password_hash(text: str) -> str:
    if not is_password_hash(text):
        raise ValueError("must be what the command `hash-password` prints")
    return text


def _check_clock_text(text: str) -> str:
    try:
        time_of_text(text)
    except SchemeError as error:
        raise ValueError(error.rule) from None
    return text


def _check_seed(text: str) -> str:
    if len(text) > SEED_LENGTH_MAX:
        raise ValueError(f"must have at most {SEED_LENGTH_MAX} characters")
    return text


class ServiceSettings(BaseSettings):
    """The part of the environment that hub and banks have in common."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    database_url: Annotated[str, AfterValidator(check_database_url), Field(repr=False)]
    """`postgresql://user:password@host:port/database`, or `postgres://…`; one database per participant. Special
    characters are percent-encoded. PgBouncer must be in session mode, because statements are prepared."""
    kafka_bootstrap_servers: Annotated[str, AfterValidator(check_host_ports)] = "127.0.0.1:9092"
    """host:port of one broker or several, separated by commas; an IPv6 address in brackets."""
    kafka_assignment: KafkaAssignment = KafkaAssignment.GROUP
    """`group`: replicas share the topic's partitions. `all`: a single instance reads all of them."""
    kafka_session_timeout_ms: Annotated[int, Field(ge=4_000, le=300_000)] = 10_000
    """Time without a Kafka heartbeat after which a replica's partitions go to the others."""
    kafka_fetch_wait_ms: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How long the broker may hold an empty fetch. Apache Kafka answers as soon as a record arrives; the broker inside
    the client library answers only at the end, so there it is the latency of every step."""
    kafka_partitions: Annotated[int, Field(ge=1, le=1_000)] = 4
    """Partitions of each new topic, and so the largest number of replicas that share the work."""
    kafka_replication: Annotated[int, Field(ge=1, le=10)] = 1
    """Replication factor of each new topic: the number of brokers with a copy of each record."""
    kafka_security_protocol: KafkaSecurity = KafkaSecurity.PLAINTEXT
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    kafka_sasl_mechanism: SaslMechanism = SaslMechanism.PLAIN
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    kafka_sasl_username: str = ""
    """Needed with SASL."""
    kafka_sasl_password: Annotated[str, Field(repr=False)] = ""
    """Needed with SASL."""
    kafka_ssl_ca: PemFile = ""
    """The file with the broker's certificate authority; empty for the system's authorities."""
    message_batches: bool = True
    """Messages to the same partition of a receiver go as one record, if the receiver has announced that it reads that.
    With `false` the participant sends each message in a separate record, and announces that it wants it so; it reads
    both all the same."""
    http_host: Host = "127.0.0.1"
    """The address to listen on, such as `::1`; `0.0.0.0` for all of IPv4, `::` for all of IPv6."""
    http_port: Port = 8000
    """Pages, REST, health and metrics; 8001 is a bank's default."""
    log_level: LogLevel = LogLevel.INFO
    """debug, info, warning or error."""
    log_json: bool = True
    """A JSON object a line; otherwise text for people."""
    metrics_port: Port | None = None
    """A separate port for metrics and health, on `HTTP_HOST`. Unset: `/metrics` is on the HTTP port."""
    otel_exporter_otlp_endpoint: WebAddress = ""
    """The collector of traces, such as `http://tempo:4318` (OTLP over HTTP). Empty: no traces."""
    telemetry_traces: Annotated[str, AfterValidator(_check_traces)] = ""
    """`console` or `file:path`: writes traces there instead, a JSON line per span."""
    resend_first_seconds: Annotated[float, Field(gt=0, le=86_400)] = 5.0
    """Time without an answer until the first retransmission of a message; the backoff doubles after each."""
    resend_cap_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """The longest backoff between retransmissions."""
    session_secret: OptionalSecret = ""
    """Signs the pages' cookies and forms; at least 16 characters. Empty: the process makes one at its start."""
    clock_error_seconds: Annotated[float, Field(ge=-SECONDS_MAX, le=SECONDS_MAX)] = 0.0
    """Makes this process's clock fast, or slow below zero: what a trial with clocks apart sets."""
    virtual_clock: bool = False
    """The network has a virtual clock, which the hub owns and its console moves; alike at hub and banks. For demos and
    tests: time that is shown, and by which money moves, is then not real."""
    clock_begins: Annotated[str, AfterValidator(if_set(_check_clock_text))] = ""
    """The virtual clock of a new network, as `revision:anchor:offset:rate`; alike at hub and banks. `codepix sandbox
    --start-at` sets it. Empty: real time."""
    sandbox: bool = False
    """The sandbox for integrators: tests decide what payers do and how webhooks fail, and may start the network over.
    Never for money that is meant."""
    sandbox_seed: Annotated[str, AfterValidator(_check_seed)] = ""
    """With `SANDBOX`: the same seed gives the same random keys, credentials and end-to-end ids. At most 40 characters.
    Empty: by chance."""
    archive_after_days: Annotated[int, Field(ge=RETENTION_DAYS_MIN, le=RETENTION_DAYS_MAX)] | None = None
    """Moves the steps of transfers and returns that were finished so many days ago from the database to files in
    `ARCHIVE_FOLDER`; at least 90, while a transfer may be returned. Rows and postings stay. Unset: nothing is moved."""
    archive_folder: str = ""
    """With `ARCHIVE_AFTER_DAYS`: the folder of those files, JSON lines packed by gzip. To be backed up like the
    database."""
    demo_mode: bool = False
    """Demo mode: every visitor has operator access, and can sign in as a demo customer with one click."""
    operator_password: Annotated[str, AfterValidator(if_set(_of_length(PASSWORD_LENGTH_MIN))), Field(repr=False)] = ""
    """For operator sign-in to console, back office and their APIs. Empty, outside demo mode: access is impossible."""
    operator_password_hash: Annotated[str, AfterValidator(if_set(_check_operator_password_hash)), Field(repr=False)] = (
        ""
    )
    """The operator's password as a hash, made by the command `hash-password`; takes precedence."""

    @model_validator(mode="after")
    def _check_sasl(self) -> ServiceSettings:
        if self.kafka_security_protocol.has_sasl and not (self.kafka_sasl_username and self.kafka_sasl_password):
            raise ValueError(
                f"KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are needed with {self.kafka_security_protocol}"
            )
        return self

    @model_validator(mode="after")
    def _check_sandbox(self) -> ServiceSettings:
        if self.sandbox_seed and not self.sandbox:
            raise ValueError("SANDBOX_SEED: needs SANDBOX")
        return self

    @model_validator(mode="after")
    def _check_archive(self) -> ServiceSettings:
        if self.archive_after_days is not None and not self.archive_folder.strip():
            raise ValueError("ARCHIVE_AFTER_DAYS: needs ARCHIVE_FOLDER")
        return self

    @model_validator(mode="after")
    def _check_resending(self) -> ServiceSettings:
        if self.resend_cap_seconds < self.resend_first_seconds:
            raise ValueError("RESEND_CAP_SECONDS: must not be less than RESEND_FIRST_SECONDS")
        return self

    def kafka(self, client_id: str, member: str = "") -> KafkaSettings:
        return KafkaSettings(
            bootstrap_servers=self.kafka_bootstrap_servers,
            client_id=client_id,
            member=member,
            assignment=self.kafka_assignment,
            session_timeout_ms=self.kafka_session_timeout_ms,
            fetch_wait_ms=self.kafka_fetch_wait_ms,
            partitions=self.kafka_partitions,
            replication=self.kafka_replication,
            extra=self._kafka_security(),
        )

    def _kafka_security(self) -> dict[str, Any]:
        protocol = self.kafka_security_protocol
        if protocol is KafkaSecurity.PLAINTEXT:
            return {}
        found: dict[str, Any] = {"security.protocol": protocol.value}
        if protocol.has_sasl:
            found["sasl.mechanism"] = self.kafka_sasl_mechanism.value
            found["sasl.username"] = self.kafka_sasl_username
            found["sasl.password"] = self.kafka_sasl_password
        if protocol.has_tls and self.kafka_ssl_ca:
            found["ssl.ca.location"] = self.kafka_ssl_ca
        return found

    @property
    @abstractmethod
    def service(self) -> str:
        """The participant's name in logs, metrics and Kafka."""

    @property
    def features(self) -> frozenset[Feature]:
        """What this participant understands, and uses."""
        return FEATURES if self.message_batches else FEATURES - {Feature.BATCHES}

    @property
    def first_time(self) -> VirtualTime:
        """The clock of a network that has stored none."""
        return time_of_text(self.clock_begins) if self.clock_begins else REAL_TIME

    @property
    def retransmission_policy(self) -> RetransmissionPolicy:
        return RetransmissionPolicy(
            first_ms=round(self.resend_first_seconds * 1000), cap_ms=round(self.resend_cap_seconds * 1000)
        )


Settings = TypeVar("Settings", bound=ServiceSettings)


def load_settings(settings_class: type[Settings]) -> Settings:
    """Reads the environment. Raises SettingsError, a line per variable that is missing or wrong."""
    from_files: dict[str, Any] = dict(_from_files(settings_class))
    try:
        return settings_class(**from_files)
    except ValidationError as error:
        # Without the input: it may be a secret.
        lines = [_line_of(problem) for problem in error.errors(include_input=False, include_context=False)]
        raise SettingsError("\n".join(lines)) from None


def _line_of(problem: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in problem["loc"]).upper()
    rule = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {rule}" if name else rule


def _from_files(settings_class: type[BaseSettings]) -> dict[str, str]:
    values = {}
    for name in settings_class.model_fields:
        path = os.environ.get(f"{name.upper()}_FILE")
        if path:
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{name.upper()}_FILE: cannot read {path}: {error.strerror}") from None
            except ValueError:
                raise SettingsError(f"{name.upper()}_FILE: {path} is no text in UTF-8") from None
    return values
