"""A merchant with charges, batches and locations, as tests of the API Pix need them."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import count
from typing import Any, Final

from pix.scheme.days import day_of
from tests.integration.api_pix.conftest import Shop

REMOVED: Final = {"status": "REMOVIDA_PELO_USUARIO_RECEBEDOR"}
CARLA: Final = {"cpf": "11144477735", "nome": "Carla Dias"}


class Scene:
    """Two merchants of two banks. What a test asks for it gets anew, so that no charge is used twice."""

    def __init__(self, shop: Shop, other_shop: Shop, key: str, other_key: str) -> None:
        self.shop = shop
        self.other_shop = other_shop
        self.key = key
        self.other_key = other_key
        self._numbers = count(1)

    @property
    def due_day(self) -> str:
        """Thirty days from now."""
        return (day_of(time.time_ns() // 1_000_000) + timedelta(days=30)).isoformat()

    def txid(self) -> str:
        return f"pedido{next(self._numbers):026d}"

    def batch_id(self) -> str:
        return str(next(self._numbers))

    def body(self, resource: str, **fields: Any) -> dict[str, Any]:
        """A charge that the bank takes, with these fields instead of its own."""
        body: dict[str, Any] = {"valor": {"original": "100.00"}, "chave": self.key, "devedor": CARLA}
        if resource == "cob":
            return {**body, "calendario": {"expiracao": 3_600}, **fields}
        return {**body, "calendario": {"dataDeVencimento": self.due_day}, **fields}

    def made(self, resource: str, **fields: Any) -> str:
        """The txid of a charge."""
        txid = self.txid()
        answer = self.shop.put(f"/{resource}/{txid}", self.body(resource, **fields))
        assert answer.status_code == 201, answer.text
        return txid

    def removed(self, resource: str) -> str:
        """The txid of a charge that was removed."""
        txid = self.made(resource)
        assert self.shop.patch(f"/{resource}/{txid}", REMOVED).status_code == 200
        return txid

    def location_of(self, resource: str) -> int:
        """The id of the location of a charge."""
        charge = self.shop.get(f"/{resource}/{self.made(resource)}").json()
        return int(charge["loc"]["id"])

    def token_of(self, resource: str) -> str:
        """The end of the address of the location of a charge."""
        charge = self.shop.get(f"/{resource}/{self.made(resource)}").json()
        return str(charge["location"]).rpartition("/")[2]

    def new_location(self, resource: str) -> int:
        """The id of a location that serves no charge."""
        answer = self.shop.post("/loc", {"tipoCob": resource})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def received(self) -> str:
        """The end-to-end id of a Pix of 10.00 from the other merchant."""
        return self.shop.receive(self.other_shop, self.key, 1_000)

    def batch(self, *charges: dict[str, Any]) -> str:
        """The id of a batch."""
        batch_id = self.batch_id()
        answer = self.shop.put(f"/lotecobv/{batch_id}", {"descricao": "Turma A", "cobsv": list(charges)})
        assert answer.status_code == 202, answer.text
        return batch_id
