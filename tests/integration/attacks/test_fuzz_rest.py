"""Every operation of both REST APIs with what schemathesis makes of their descriptions, valid and not, in process."""

from __future__ import annotations

from typing import Any, Final

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.account import Account
from bank_sim.entrypoints.http.app import create_app as create_bank_app
from hub.entrypoints.http.app import create_app as create_hub_app
from hub.settings import HubSettings
from tests.integration.attacks.inputs import COUNTS
from tests.support.hub import SECRETS, World
from tests.support.hub_builders import AURORA
from tests.support.village import Village, VillageSettings

CASES_PER_OPERATION: Final = 25
PASSWORD: Final = "the operator of the tests"
CHECKS: Final = (
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
)
"""All but the one that wants every described value accepted: the rules of the scheme are more than a schema can say."""


def fuzz(app: FastAPI, headers: dict[str, str], real: dict[str, list[str]]) -> int:
    """Tries every operation; every other case speaks of things that exist. Returns how many cases there were."""
    tried = 0
    # A stream of events has no end that a test could wait for.
    described = schemathesis.openapi.from_asgi("/api/openapi.json", app).exclude(path="/api/v1/events")
    for found in described.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()

        @settings(
            max_examples=CASES_PER_OPERATION,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def attempt(case: Any) -> None:
            nonlocal tried
            tried += 1
            for name, values in real.items():
                if tried % 2 and name in case.path_parameters:
                    case.path_parameters[name] = values[tried % len(values)]
            answer = case.call(headers=headers)
            case.validate_response(answer, checks=CHECKS, headers=headers)
            assert "Traceback" not in answer.text

        attempt()
    return tried


@pytest.fixture
def bank_app(aurora: BankApplication, ana: Account, bruno: Account) -> FastAPI:
    return create_bank_app(aurora, VillageSettings(demo_mode=False, operator_password=PASSWORD))


def test_a_banks_rest_api_does_what_its_description_says(
    village: Village, aurora: BankApplication, ana: Account, bank_app: FastAPI
) -> None:
    real = {"number": [ana.number], "key": ["ana@example.com", "bruno@example.com"]}
    COUNTS["fuzzed requests to a bank"] += fuzz(bank_app, {"Authorization": f"Bearer {PASSWORD}"}, real)
    assert aurora.queries.books().is_balanced and not aurora.queries.books().negative_accounts


def test_the_hubs_rest_api_does_what_its_description_says(world: World) -> None:
    end_to_end_id = world.complete(world.pay(1))
    settings = HubSettings(database_url="postgresql://unused", operator_password=PASSWORD)
    app = create_hub_app(world.application, operators=settings)
    before = world.application.queries.settlement_accounts()
    headers = {
        "Authorization": f"Bearer {PASSWORD}",
        "codepix-ispb": AURORA,
        "codepix-secret": SECRETS[AURORA],
    }
    real = {"end_to_end_id": [end_to_end_id], "key": ["bia@example.com"]}
    COUNTS["fuzzed requests to the hub"] += fuzz(app, headers, real)
    assert world.application.queries.settlement_accounts() == before
