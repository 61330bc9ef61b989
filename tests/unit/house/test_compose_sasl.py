"""docker-compose.sasl.yml: it names services that exist, each signs in as itself, and the setups as the hub."""

from __future__ import annotations

import re
from typing import Any

import yaml

from hub.settings import HubSettings
from lab.compose.fourth_bank import FourthBank
from pix.messaging.kafka.acls import bank_user
from tests.unit.house.repository import ROOT

TEXT = (ROOT / "docker-compose.sasl.yml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
BASE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_it_covers_every_service_that_speaks_to_the_broker() -> None:
    speakers = {name for name, each in BASE.items() if "KAFKA_BOOTSTRAP_SERVERS" in (each.get("environment") or {})} | {
        "kafka",
        "kafka-ui",
    }
    assert set(SERVICES) == speakers


def test_each_signs_in_as_itself_and_the_setups_as_the_hub() -> None:
    known = {name.upper() for name in HubSettings.model_fields}
    users = SERVICES["kafka"]["environment"]["KAFKA_LISTENER_NAME_CLIENTS_PLAIN_SASL_JAAS_CONFIG"]
    for name, service in SERVICES.items():
        if name.startswith("kafka"):
            continue
        environment = service["environment"]
        assert set(environment) <= known
        code = re.fullmatch(r"bank-(\d{3})", name)
        user = bank_user(code[1]) if code else "hub"
        assert environment["KAFKA_SASL_USERNAME"] == user
        assert f'user_{user}="{environment["KAFKA_SASL_PASSWORD"]}"' in users


def test_its_passwords_are_explained_in_the_example() -> None:
    for variable, default in set(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT)):
        assert f"# {variable}={default}\n" in EXAMPLE


def test_the_page_about_a_fourth_bank_shows_what_the_third_has() -> None:
    added = FourthBank(ROOT / "docs" / "add-a-bank.md").added_to_secured(TEXT)
    services = yaml.safe_load(added)["services"]
    for name in ("bank-003", "bank-003-setup"):
        assert str(services[name.replace("3", "4")]) == str(services[name]).replace("003", "004"), name
    users = services["kafka"]["environment"]["KAFKA_LISTENER_NAME_CLIENTS_PLAIN_SASL_JAAS_CONFIG"]
    assert f'user_bank-004="{services["bank-004"]["environment"]["KAFKA_SASL_PASSWORD"]}"' in users
    assert users.endswith(";")
