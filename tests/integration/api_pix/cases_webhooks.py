"""The violations of webhooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from httpx2 import Response

from bank_sim.entrypoints.http.api_pix.errors import ErrorKind
from tests.integration.api_pix.cases_charges import list_cases
from tests.integration.api_pix.scene import Scene
from tests.integration.api_pix.violations import Case

INVALID: Final = ErrorKind.WebhookOperacaoInvalida


def _put(key: Callable[[Scene], str], url: object = "http://127.0.0.1:3000/pix") -> Callable[[Scene], Response]:
    return lambda scene: scene.shop.put(f"/webhook/{key(scene)}", {"webhookUrl": url})


CASES: Final = {
    "PUT /webhook/{chave}: no key": Case(_put(lambda scene: "minha-chave"), INVALID, "chave"),
    "PUT /webhook/{chave}: key of another": Case(_put(lambda scene: scene.other_key), INVALID, "chave"),
    "PUT /webhook/{chave}: url": Case(_put(lambda scene: scene.key, 7), INVALID, "webhook.webhookUrl"),
    **list_cases("/webhook", ErrorKind.WebhookConsultaInvalida),
}
