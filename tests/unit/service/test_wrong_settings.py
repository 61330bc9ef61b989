"""Every setting is parsed at the start of every command: one line that names it and the rule, and exit code 2."""

from __future__ import annotations

from typing import Any, Final

import pytest
import typer
from typer.testing import CliRunner

import bank_sim.entrypoints.cli
import hub.entrypoints.cli
from bank_sim.bootstrap import Bank
from bank_sim.settings import BankSettings
from hub.bootstrap import Hub
from hub.settings import HubSettings
from pix.participant.settings import ServiceSettings

pytestmark = pytest.mark.usefixtures("logs_restored")
HUB_APP: Final = hub.entrypoints.cli.make_app(Hub)
BANK_APP: Final = bank_sim.entrypoints.cli.make_app(Bank)
HUB: Final = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}
BANK: Final = {**HUB, "BANK_CODE": "007", "BANK_NAME": "Banco Sete", "BANK_SECRET": "a-secret-of-the-tests"}
COMMANDS_OF_HUB: Final = [
    ["serve"],
    ["migrate"],
    ["recount"],
    ["topics"],
    ["archive"],
    ["health"],
    ["bank", "add", "--code", "001", "--name", "Banco", "--secret", "a-secret-of-the-tests"],
    ["bank", "list"],
    ["key", "find", "ana@aurora.example"],
    ["course-bank", "add", "--code", "001", "--name", "Banco"],
    [*("course-bank", "add-account", "--code", "001", "--account-id", "x"), *("--number", "1", "--owner-name", "x")],
    ["course-bank", "list"],
    ["course-bank", "owed"],
    ["course-bank", "clear", "x", "--code", "001", "--kind", "refund", "--note", "x"],
    ["dead-letter", "list"],
    ["dead-letter", "replay", "ab"],
    ["dead-letter", "replay-all", "--yes"],
    ["dead-letter", "discard", "ab", "--note", "x"],
]
COMMANDS_OF_BANK: Final = [
    ["serve"],
    ["migrate"],
    ["seed"],
    ["restore-transfers", "--hub-url", "http://127.0.0.1:1", "--hours", "1"],
    ["archive"],
    ["health"],
    ["dead-letter", "list"],
    ["dead-letter", "replay", "ab"],
    ["dead-letter", "replay-all", "--yes"],
    ["dead-letter", "discard", "ab", "--note", "x"],
    ["signing-key", "list"],
    ["signing-key", "rotate"],
    ["credentials", "create", "100001-7"],
    ["credentials", "list", "100001-7"],
    ["credentials", "rotate", "100001-7", "client-1"],
    ["credentials", "revoke", "100001-7", "client-1"],
]
ANY_TEXT: Final = {"archive_folder", "kafka_sasl_username", "kafka_sasl_password"}
"""Settings that any text may be."""
WRONG: Final[dict[str, list[str]]] = {
    "database_url": ["geheim", "mysql://u:geheim@h/x", "postgres://u:geheim@h:port/x", "postgres://u:geheim@h/x?y=z"],
    "kafka_bootstrap_servers": ["kafka", "kafka:0", "::1:9092", "kafka:9092,"],
    "kafka_assignment": ["some"],
    "kafka_session_timeout_ms": ["1", "x"],
    "kafka_fetch_wait_ms": ["0"],
    "message_batches": ["sometimes"],
    "kafka_partitions": ["0"],
    "kafka_replication": ["11"],
    "kafka_security_protocol": ["TLS"],
    "kafka_sasl_mechanism": ["NTLM"],
    "kafka_ssl_ca": ["/nowhere/ca.pem", "/"],
    "http_host": ["", "a b", "http://a", "127.0.0.1:8000", "300.0.0.1"],
    "http_port": ["0", "65536", "http"],
    "log_level": ["loud"],
    "log_json": ["perhaps"],
    "metrics_port": ["0", "x"],
    "otel_exporter_otlp_endpoint": ["tempo:4318", "http://", "http://u:geheim@tempo"],
    "telemetry_traces": ["file:", "file:/nowhere/traces", "stdout"],
    "resend_first_seconds": ["0", "nan", "inf"],
    "resend_cap_seconds": ["0", "1"],
    "session_secret": ["geheim"],
    "demo_mode": ["sometimes"],
    "virtual_clock": ["sometimes"],
    "clock_error_seconds": ["fast", "1e12", "nan"],
    "archive_after_days": ["89", "never", "1e9"],
    "clock_begins": ["now", "1:2:3", "1:0:0:99"],
    "sandbox": ["sometimes"],
    "sandbox_seed": ["x" * 41],
    "operator_password": ["geheim"],
    "operator_password_hash": ["geheim"],
    "grpc_host": ["", "a:1"],
    "grpc_server": ["threads"],
    "grpc_port": ["0", "65536"],
    "grpc_tls_certificate": ["/nowhere/hub.pem"],
    "grpc_tls_key": ["/nowhere/hub.key"],
    "grpc_tls_client_ca": ["/nowhere/ca.pem"],
    "look_up_bucket": ["1", "nan"],
    "look_ups_per_minute": ["0", "inf"],
    "lab_panel_url": ["panel", "http://a;b", "http://a:0"],
    "banks_url": ["http://bank", "bank-{code}", "http://bank-{code}:0"],
    "banks_operator_password": ["geheim é", "geheim\nX-Other: 1"],
    "transfer_timeout": ["0", "nan", "inf"],
    "course_mode": ["sometimes"],
    "course_grpc_host": ["", "a:1"],
    "course_grpc_port": ["0", "65536"],
    "course_answer_seconds": ["0", "nan", "inf"],
    "limits": ["perhaps"],
    "limit_day_transfer_centavos": ["-1", "R$ 10"],
    "limit_day_period_centavos": ["-1", "x"],
    "limit_night_transfer_centavos": ["-1", "x"],
    "limit_night_period_centavos": ["-1", "x"],
    "limit_raise_hours": ["-1", "x"],
    "schedule_try_times": ["", "24:00", "08:00,08:00", "18:00,08:00"],
    "bank_code": ["1"],
    "bank_name": ["", "x" * 41],
    "bank_color": ["red"],
    "bank_ispb": ["1"],
    "bank_secret": ["geheim"],
    "bank_secret_other": ["geheim"],
    "hub_grpc_address": ["hub", "http://hub:1", "::1:50051"],
    "hub_console_url": ["hub.example", "ftp://hub.example"],
    "hub_operator_password": ["geheim é", "geheim\nX-Other: 1"],
    "public_url": ["bank.example", "http://a b", "https://u:geheim@bank.example"],
    "payload_host": ["http://bank.example", "bank.example/qr", "bank.example:0", "b" * 44],
    "hub_tls_ca": ["/nowhere/ca.pem"],
    "hub_tls_certificate": ["/nowhere/bank.pem"],
    "hub_tls_key": ["/nowhere/bank.key"],
    "hub_tls_name": ["a b"],
    "api_pix_prefix": ["api", "/api/", "/a b", "/" + "x" * 100],
    "api_pix_profile": ["itau"],
    "api_pix_cors_origins": ["shop.example", "https://shop.example/", "https://a.example https://b.example"],
    "api_pix_requests_per_minute": ["0", "x"],
    "api_pix_token_seconds": ["4", "86401"],
    "api_pix_port": ["0", "65536", "x"],
    "api_pix_tls_certificate": ["/nowhere/bank.pem"],
    "api_pix_tls_key": ["/nowhere/bank.key"],
    "api_pix_tls_client_ca": ["/nowhere/ca.pem"],
    "unknown_charges": ["maybe", ""],
    "webhook_hosts": ["https://hooks.example.com", "a b", "*.*"],
    "webhook_ca": ["/nowhere/ca.pem"],
    "webhook_timeout_seconds": ["0", "31", "x"],
    "webhook_retry_first_seconds": ["0", "3601"],
    "webhook_retry_cap_seconds": ["0", "0.5", "3601"],
    "bank_contract": ["perhaps", "true"],
    "webhook_pix_max": ["0", "101", "x"],
}


@pytest.fixture(autouse=True)
def no_settings_of_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {*HubSettings.model_fields, *BankSettings.model_fields}:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)


def refusal(app: typer.Typer, command: list[str], environment: dict[str, str]) -> list[str]:
    """The lines with which a command is refused."""
    result = CliRunner().invoke(app, command, env=environment)
    assert result.exit_code == 2, result.output
    assert "geheim" not in result.output and "Traceback" not in result.output
    return result.stderr.splitlines()


def test_every_setting_has_a_wrong_value_here() -> None:
    assert set(WRONG) | ANY_TEXT == {*HubSettings.model_fields, *BankSettings.model_fields}


def wrong(settings_class: type[ServiceSettings]) -> list[tuple[str, str]]:
    return [(name, value) for name in settings_class.model_fields for value in WRONG.get(name, [])]


@pytest.mark.parametrize(("name", "value"), wrong(HubSettings))
def test_a_wrong_setting_of_the_hub_is_one_line(name: str, value: str) -> None:
    (line,) = refusal(HUB_APP, ["migrate"], {**HUB, name.upper(): value})
    assert line.startswith(f"{name.upper()}: ")


@pytest.mark.parametrize(("name", "value"), wrong(BankSettings))
def test_a_wrong_setting_of_a_bank_is_one_line(name: str, value: str) -> None:
    (line,) = refusal(BANK_APP, ["migrate"], {**BANK, name.upper(): value})
    assert line.startswith(f"{name.upper()}: ")


@pytest.mark.parametrize("command", COMMANDS_OF_HUB, ids=" ".join)
def test_every_command_of_the_hub_refuses_another_database(command: list[str]) -> None:
    (line,) = refusal(HUB_APP, command, {"DATABASE_URL": "mysql://u:geheim@h/x"})
    assert line == "DATABASE_URL: must begin with postgresql:// (or postgres://, or postgresql+psycopg2://)"


@pytest.mark.parametrize("command", COMMANDS_OF_BANK, ids=" ".join)
def test_every_command_of_a_bank_refuses_another_database(command: list[str]) -> None:
    (line,) = refusal(BANK_APP, command, {**BANK, "DATABASE_URL": "mysql://u:geheim@h/x"})
    assert line.startswith("DATABASE_URL: must begin with postgresql://")


def commands_of(app: typer.Typer) -> set[str]:
    """Their names; those of a group behind the group's."""
    own = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    groups: list[Any] = [group for group in app.registered_groups if group.typer_instance is not None]
    return own | {f"{group.name} {name}" for group in groups for name in commands_of(group.typer_instance)}


def test_no_command_is_left_out() -> None:
    # It reads no setting.
    hashing = {"hash-password"}
    for app, tried in (
        (HUB_APP, COMMANDS_OF_HUB),
        (BANK_APP, COMMANDS_OF_BANK),
    ):
        groups = {str(group.name) for group in app.registered_groups}
        named = {" ".join(command[: 2 if command[0] in groups else 1]) for command in tried}
        assert named | hashing == commands_of(app)


def test_two_files_that_need_each_other_are_told_together(tmp_path: Any) -> None:
    pem = tmp_path / "a.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----\n")
    (line,) = refusal(HUB_APP, ["migrate"], {**HUB, "GRPC_TLS_KEY": str(pem)})
    assert line == "GRPC_TLS_CERTIFICATE and GRPC_TLS_KEY: the one needs the other"
    (line,) = refusal(
        BANK_APP,
        ["migrate"],
        {**BANK, "HUB_TLS_KEY": str(pem), "HUB_TLS_CERTIFICATE": str(pem)},
    )
    assert line.startswith("HUB_TLS_CA: is needed to know the hub by")


def test_course_mode_and_a_virtual_clock_exclude_each_other() -> None:
    (line,) = refusal(HUB_APP, ["migrate"], {**HUB, "COURSE_MODE": "on", "VIRTUAL_CLOCK": "on"})
    assert line == "COURSE_MODE: not with VIRTUAL_CLOCK, which course banks do not follow"


def test_files_and_ports_of_the_api_that_do_not_go_together_are_told(tmp_path: Any) -> None:
    pem = tmp_path / "a.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----\n")
    pair = {"API_PIX_TLS_CERTIFICATE": str(pem), "API_PIX_TLS_KEY": str(pem)}
    cases = {
        "API_PIX_TLS_CERTIFICATE and API_PIX_TLS_KEY: the one needs the other": {"API_PIX_TLS_KEY": str(pem)},
        "API_PIX_TLS_CERTIFICATE: is needed with API_PIX_TLS_CLIENT_CA": {"API_PIX_TLS_CLIENT_CA": str(pem)},
        "API_PIX_PORT: is needed with API_PIX_TLS_CERTIFICATE": pair,
        "API_PIX_PORT: must not be HTTP_PORT": {"API_PIX_PORT": "8001"},
    }
    for rule, environment in cases.items():
        assert refusal(BANK_APP, ["migrate"], {**BANK, **environment}) == [rule]


def test_a_file_with_a_secret_that_is_no_text_is_a_line(tmp_path: Any) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    (line,) = refusal(HUB_APP, ["migrate"], {**HUB, "SESSION_SECRET_FILE": str(tmp_path / "secret")})
    assert line.startswith("SESSION_SECRET_FILE: ") and line.endswith("is no text in UTF-8")


@pytest.mark.parametrize("url", ["panel", "http://", "ftp://hub", "http://hub:port", "http://u:geheim@hub"])
def test_a_hub_to_restore_from_is_a_web_address(url: str) -> None:
    (line,) = refusal(BANK_APP, ["restore-transfers", "--hub-url", url, "--hours", "1"], BANK)
    assert line.startswith("--hub-url: must ")
