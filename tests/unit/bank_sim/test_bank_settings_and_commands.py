"""What makes the one bank app this bank, and what the command says when something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bank_sim.bootstrap import Bank
from bank_sim.entrypoints.cli import make_app
from bank_sim.settings import BankSettings
from pix.participant.commands import EXIT_FAILURE, EXIT_USAGE
from pix.participant.settings import load_settings
from pix.runtime.settings_error import SettingsError

pytestmark = pytest.mark.usefixtures("logs_restored")
app = make_app(Bank)

ENVIRONMENT = {
    "DATABASE_URL": "postgresql+psycopg2://nobody@127.0.0.1:1/nothing",
    "BANK_CODE": "007",
    "BANK_NAME": "Banco Sete",
    "BANK_COLOR": "#AABBCC",
    "BANK_SECRET": "a-secret-of-the-tests",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ENVIRONMENT, "BANK_ISPB", "BANK_SECRET_FILE", "PUBLIC_URL", "PAYLOAD_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_the_environment_makes_the_bank() -> None:
    settings = load_settings(BankSettings)
    identity = settings.identity
    assert (identity.code, identity.name, identity.color) == ("007", "Banco Sete", "#aabbcc")
    assert identity.ispb == "00000007"
    assert settings.http_port == 8001


def test_the_ispb_may_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANK_ISPB", "12AB34CD")
    assert load_settings(BankSettings).identity.ispb == "12AB34CD"


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "127.0.0.1:8001"),
        ({"HTTP_HOST": "::1", "HTTP_PORT": "9000"}, "[::1]:9000"),
        ({"HTTP_HOST": "0.0.0.0", "HTTP_PORT": "9000"}, "127.0.0.1:9000"),
        ({"PUBLIC_URL": "https://Bank.example/seven"}, "bank.example"),
        ({"PUBLIC_URL": "http://127.0.0.1:8007"}, "127.0.0.1:8007"),
        ({"PUBLIC_URL": "https://bank.example", "PAYLOAD_HOST": "Bank-007:8001"}, "bank-007:8001"),
    ],
)
def test_other_banks_find_payloads_where_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], host: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert load_settings(BankSettings).payload_host == host


def test_a_public_url_too_long_for_a_code_asks_for_a_payload_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", f"https://{'bank.' * 9}example")
    with pytest.raises(SettingsError, match=r"^PAYLOAD_HOST: .*at most 43 characters"):
        load_settings(BankSettings)


def test_the_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("a-secret-from-a-file\n", encoding="utf-8")
    monkeypatch.delenv("BANK_SECRET")
    monkeypatch.setenv("BANK_SECRET_FILE", str(path))
    assert load_settings(BankSettings).bank_secret == "a-secret-from-a-file"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BANK_CODE", "1"),
        ("BANK_CODE", "abc"),
        ("BANK_NAME", ""),
        ("BANK_NAME", "x" * 41),
        ("BANK_COLOR", "red"),
        ("BANK_ISPB", "123"),
        ("BANK_SECRET", "short"),
        ("PAYLOAD_HOST", "http://bank.example"),
        ("PAYLOAD_HOST", "bank.example/qr"),
        ("PAYLOAD_HOST", "b" * 44),
        ("BANK_CONTRACT", "perhaps"),
    ],
)
def test_a_wrong_setting_is_told_by_its_name_and_the_rule(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings(BankSettings)
    assert str(refusal.value).startswith(f"{name}:")
    assert "a-secret-of-the-tests" not in str(refusal.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "bank.example"])
def test_the_contract_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("BANK_CONTRACT", "on")
    assert load_settings(BankSettings).bank_contract == "on"
    monkeypatch.setenv("HTTP_HOST", host)
    with pytest.raises(SettingsError, match="BANK_CONTRACT: needs HTTP_HOST to be a loopback address"):
        load_settings(BankSettings)


def test_missing_settings_are_exit_code_2_and_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BANK_CODE")
    monkeypatch.delenv("BANK_SECRET")
    result = CliRunner().invoke(app, ["migrate"])
    assert result.exit_code == EXIT_USAGE
    assert "BANK_CODE: Field required" in result.stderr
    assert "BANK_SECRET: Field required" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_role_is_told() -> None:
    result = CliRunner().invoke(app, ["serve", "--roles", "http,grpc"])
    assert result.exit_code == EXIT_USAGE
    assert "grpc unknown; choose from kafka, http, sweeper" in result.stderr


@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["seed"], ["dead-letter", "list"]])
def test_a_database_that_does_not_answer_is_one_sentence(command: list[str]) -> None:
    result = CliRunner().invoke(app, command)
    assert result.exit_code == EXIT_FAILURE
    assert "DATABASE_URL: the database does not answer" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("[::1]", "[::1]"), ("::", "[::1]")],
)
def test_asking_for_the_health_of_nobody_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, host: str, address: str
) -> None:
    monkeypatch.setenv("HTTP_HOST", host)
    monkeypatch.setenv("HTTP_PORT", "1")
    result = CliRunner().invoke(app, ["health"])
    assert result.exit_code == EXIT_FAILURE
    assert result.stderr.startswith(f"http://{address}:1/health/ready does not answer")
