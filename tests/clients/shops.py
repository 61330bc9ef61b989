"""What a shop does with the API Pix, in the words of each client library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from tests.clients.conversation import Client, ClientError

Json = dict[str, Any]


@dataclass
class Shop(ABC):
    """A merchant's program. Every method returns what the library returns."""

    client: Client

    @abstractmethod
    def set_webhook(self, key: str, url: str) -> None: ...

    @abstractmethod
    def find_webhook(self, key: str) -> Json: ...

    @abstractmethod
    def remove_webhook(self, key: str) -> None: ...

    @abstractmethod
    def charge(self, txid: str, order: Json) -> Json: ...

    @abstractmethod
    def code(self, charge: Json) -> str:
        """The text of its QR code."""

    @abstractmethod
    def find_charge(self, txid: str) -> Json: ...

    @abstractmethod
    def why_not_found(self, txid: str) -> Json:
        """What the library makes of a charge that is not there: `status`, and `type` of the error."""

    @abstractmethod
    def list_charges(self, start: str, end: str) -> Json: ...

    @abstractmethod
    def charge_with_due_date(self, txid: str, order: Json) -> Json: ...

    @abstractmethod
    def list_charges_with_due_date(self, start: str, end: str) -> Json: ...

    @abstractmethod
    def find_pix(self, end_to_end_id: str) -> Json: ...

    @abstractmethod
    def list_pix(self, start: str, end: str) -> Json: ...

    @abstractmethod
    def give_back(self, end_to_end_id: str, return_id: str, amount: str) -> Json: ...

    @abstractmethod
    def find_return(self, end_to_end_id: str, return_id: str) -> Json: ...


class PypixShop(Shop):
    """pypix-api."""

    def set_webhook(self, key: str, url: str) -> None:
        self.client.call("configurar_webhook", chave=key, webhook_url=url)

    def find_webhook(self, key: str) -> Json:
        return dict(self.client.call("consultar_webhook", chave=key))

    def remove_webhook(self, key: str) -> None:
        assert self.client.call("excluir_webhook", chave=key) is True

    def charge(self, txid: str, order: Json) -> Json:
        return dict(self.client.call("criar_cob", txid=txid, body=order))

    def code(self, charge: Json) -> str:
        return str(charge["pixCopiaECola"])

    def find_charge(self, txid: str) -> Json:
        return dict(self.client.call("consultar_cob", txid=txid))

    def why_not_found(self, txid: str) -> Json:
        try:
            found = self.find_charge(txid)
        except ClientError as error:
            assert error.answer["error"] == "PixRecursoNaoEncontradoException"
            return error.answer
        raise AssertionError(found)

    def list_charges(self, start: str, end: str) -> Json:
        return dict(self.client.call("consultar_cobs", inicio=start, fim=end, status="CONCLUIDA", pagina_atual=0))

    def charge_with_due_date(self, txid: str, order: Json) -> Json:
        return dict(self.client.call("criar_cobv", txid=txid, body=order))

    def list_charges_with_due_date(self, start: str, end: str) -> Json:
        return dict(self.client.call("listar_cobv", inicio=start, fim=end, location_presente=True))

    def find_pix(self, end_to_end_id: str) -> Json:
        return dict(self.client.call("consultar_pix_por_e2eid", e2eid=end_to_end_id))

    def list_pix(self, start: str, end: str) -> Json:
        return dict(self.client.call("consultar_pix", inicio=start, fim=end, txid_presente=True))

    def give_back(self, end_to_end_id: str, return_id: str, amount: str) -> Json:
        order = {"valor": amount}
        call = self.client.call
        return dict(call("solicitar_devolucao_pix", e2eid=end_to_end_id, id_devolucao=return_id, body=order))

    def find_return(self, end_to_end_id: str, return_id: str) -> Json:
        return dict(self.client.call("consultar_devolucao_pix", e2eid=end_to_end_id, id_devolucao=return_id))


@dataclass
class EfiShop(Shop):
    """efipay; its methods have the same names in Python and in Node, but for their spelling."""

    is_node: bool = False

    def _call(self, method: str, params: Json, body: Json | None = None) -> Any:
        if self.is_node:
            first, *others = method.split("_")
            method = first + "".join("QRCode" if word == "qrcode" else word.capitalize() for word in others)
        return self.client.call(method, params=params, **({} if body is None else {"body": body}))

    def set_webhook(self, key: str, url: str) -> None:
        self._call("pix_config_webhook", {"chave": key}, {"webhookUrl": url})

    def find_webhook(self, key: str) -> Json:
        return dict(self._call("pix_detail_webhook", {"chave": key}))

    def remove_webhook(self, key: str) -> None:
        self._call("pix_delete_webhook", {"chave": key})

    def charge(self, txid: str, order: Json) -> Json:
        return dict(self._call("pix_create_charge", {"txid": txid}, order))

    def code(self, charge: Json) -> str:
        shown = self._call("pix_generate_qrcode", {"id": charge["loc"]["id"]})
        assert shown["imagemQrcode"].startswith("data:image/"), shown
        assert shown["qrcode"] == charge["pixCopiaECola"]
        return str(shown["qrcode"])

    def find_charge(self, txid: str) -> Json:
        return dict(self._call("pix_detail_charge", {"txid": txid}))

    def why_not_found(self, txid: str) -> Json:
        try:
            # The library for Python returns the problem, that for Node throws it.
            return self.find_charge(txid)
        except ClientError as error:
            return dict(error.answer["error"])

    def list_charges(self, start: str, end: str) -> Json:
        return dict(self._call("pix_list_charges", {"inicio": start, "fim": end, "status": "CONCLUIDA"}))

    def charge_with_due_date(self, txid: str, order: Json) -> Json:
        return dict(self._call("pix_create_due_charge", {"txid": txid}, order))

    def list_charges_with_due_date(self, start: str, end: str) -> Json:
        return dict(self._call("pix_list_due_charges", {"inicio": start, "fim": end}))

    def find_pix(self, end_to_end_id: str) -> Json:
        return dict(self._call("pix_detail_received", {"e2eId": end_to_end_id}))

    def list_pix(self, start: str, end: str) -> Json:
        return dict(self._call("pix_received_list", {"inicio": start, "fim": end}))

    def give_back(self, end_to_end_id: str, return_id: str, amount: str) -> Json:
        return dict(self._call("pix_devolution", {"e2eId": end_to_end_id, "id": return_id}, {"valor": amount}))

    def find_return(self, end_to_end_id: str, return_id: str) -> Json:
        return dict(self._call("pix_detail_devolution", {"e2eId": end_to_end_id, "id": return_id}))
