"""Every operation that is not recurring, with what schemathesis makes of the Central Bank's description."""

from __future__ import annotations

from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.integration.api_pix.conftest import Shop
from tests.integration.api_pix.description import (
    SMALL,
    UNDECLARED,
    faults_of_request,
    for_schemathesis,
    operations,
    small_faults,
)
from tests.integration.api_pix.scene import Scene
from tests.unit.house.repository import ROOT

CASES_PER_OPERATION: Final = 8
CHECKS: Final = (
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)


@pytest.mark.pix_api
def test_the_api_does_what_the_description_says(shop: Shop, other_shop: Shop) -> None:
    scene = Scene(shop, other_shop, "ana@example.com", "bruno@example.com")
    real = {
        "txid": [scene.made("cob"), scene.made("cobv"), scene.removed("cob"), scene.txid()],
        "id": [scene.batch({**scene.body("cobv"), "txid": scene.txid()}), "1", "999"],
        "chave": ["ana@example.com", "bruno@example.com"],
        "e2eid": [scene.received()],
        "pixUrlAccessToken": [scene.token_of("cob"), scene.token_of("cobv")],
    }
    headers = {"Authorization": f"Bearer {shop.token}"}
    tried: dict[int, int] = {}
    found = schemathesis.openapi.from_dict(for_schemathesis())
    found.app = shop.client.app
    names = []
    for each in found.get_all_operations():
        assert isinstance(each, Ok), each
        operation = each.ok()
        names.append(operation.label)

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
            number = sum(tried.values())
            for name, values in real.items():
                if number % 2 and name in case.path_parameters:
                    case.path_parameters[name] = values[number % len(values)]
            if number % 3 and isinstance(case.body, dict) and "chave" in case.body:
                case.body["chave"] = scene.key
            answer = case.call(headers=headers)
            tried[answer.status_code] = tried.get(answer.status_code, 0) + 1
            case.validate_response(answer, checks=CHECKS, headers=headers)
            assert "Traceback" not in answer.text
            path = answer.request.path_url.partition("?")[0]
            if answer.status_code < 300 and "/lotecobv" not in path and isinstance(case.body, dict):
                assert not faults_of_request(case.method, path, case.body), "what is taken is as described"

        attempt()
    print(f"\n{len(names)} operations, {sum(tried.values())} requests, by status: {dict(sorted(tried.items()))}")
    assert len(names) == len(SMALL) == 27


@pytest.mark.pix_api
def test_the_small_table_is_of_the_descriptions_operations() -> None:
    declared = {
        key: {int(status) for status in operation["responses"] if status.startswith("2")}
        for key, operation in operations().items()
    }
    assert declared == {key: set(statuses) for key, statuses in SMALL.items()}


def test_without_the_description_the_small_table_judges() -> None:
    assert small_faults(("GET", "/v2/cob"), 200, {"parametros": {}}) == ["cobs is missing"]
    assert small_faults(("GET", "/v2/cob"), 302, None) and small_faults(("GET", "/v2/cob"), 400, {"type": ""})
    assert not small_faults(("PUT", "/v2/lotecobv/{id}"), 202, None)


def test_the_page_has_the_answers_that_are_not_declared() -> None:
    page = (ROOT / "docs" / "api-pix.md").read_text(encoding="utf-8")
    assert all(f"| {status} | {reason} |" in page for status, reason in UNDECLARED.items())
