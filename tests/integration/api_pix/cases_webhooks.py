"""The violations of webhooks."""

from __future__ import annotations

from typing import Final

from httpx2 import Response

from bank_sim.entrypoints.http.api_pix.errors import ErrorKind
from tests.integration.api_pix.scene import Scene
from tests.integration.api_pix.violations import Case

URL: Final = "http://127.0.0.1:3000/avisos"
SET: Final = ErrorKind.WebhookOperacaoInvalida
LIST: Final = ErrorKind.WebhookConsultaInvalida


def put(scene: Scene, key: str, url: str = URL) -> Response:
    return scene.shop.put(f"/webhook/{key}", {"webhookUrl": url})


CASES: Final = {
    "PUT /webhook/{chave}: no key": Case(lambda scene: put(scene, "nenhuma-chave"), SET, "chave"),
    "PUT /webhook/{chave}: key of another": Case(lambda scene: put(scene, scene.other_key), SET, "chave"),
    "PUT /webhook/{chave}: url": Case(lambda scene: put(scene, scene.key, "loja"), SET, "webhook.webhookUrl"),
    "GET /webhook: schema": Case(lambda scene: scene.shop.get("/webhook", inicio="ontem"), LIST, "inicio"),
    "GET /webhook: period": Case(
        lambda scene: scene.shop.get("/webhook", inicio="2026-11-02T00:00:00Z", fim="2026-11-01T00:00:00Z"), LIST, "fim"
    ),
    "GET /webhook: page": Case(
        lambda scene: scene.shop.get("/webhook", paginacao__paginaAtual=-1), LIST, "paginacao.paginaAtual"
    ),
    "GET /webhook: size": Case(
        lambda scene: scene.shop.get("/webhook", paginacao__itensPorPagina=-1), LIST, "paginacao.itensPorPagina"
    ),
}
"""By key, see `violations.py`."""
