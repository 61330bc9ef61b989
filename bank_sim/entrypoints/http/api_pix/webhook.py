"""`/webhook`: where a merchant is told of the Pix that come in by a key."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from bank_sim.application.webhooks.documents import time_text
from bank_sim.application.webhooks.ports import WebhookFilter
from bank_sim.application.webhooks.urls import URL_LENGTH_MAX
from bank_sim.domain.webhooks.errors import WebhookKeyNotOwn, WebhookNotFound, WebhookUrlInvalid
from bank_sim.domain.webhooks.model import Webhook
from bank_sim.entrypoints.http.api_pix.access import ApiOf, Merchant, merchant
from bank_sim.entrypoints.http.api_pix.errors import ErrorKind, PixApiError, Violation
from bank_sim.entrypoints.http.api_pix.paging import OptionalPeriodOf, PagingOf, paging_document
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KEY_LENGTH_MAX, PixKey, parse_stored_key
from pix.web.languages import Language, translate_rule

router: Final = APIRouter(tags=["Webhook"])

_CNPJ_LENGTH: Final = 14

KeyText = Annotated[str, Path(alias="chave", max_length=2 * KEY_LENGTH_MAX)]
Reader = Annotated[Merchant, Depends(merchant("webhook.read"))]
Writer = Annotated[Merchant, Depends(merchant("webhook.write"))]


class WebhookRequest(BaseModel):
    """The body of PUT."""

    model_config = ConfigDict(extra="ignore")

    webhookUrl: Annotated[str, Field(min_length=1, max_length=URL_LENGTH_MAX)]  # noqa: N815 - the API's name


@router.put("/webhook/{chave}")
def put_webhook(api: ApiOf, asking: Writer, key_text: KeyText, body: WebhookRequest) -> Response:
    """Sets or changes the webhook of a key. The answer has no body: the Central Bank's file declares none."""
    try:
        key = parse_stored_key(key_text)
    except SchemeError as error:
        raise _invalid(error, "chave", key_text) from None
    try:
        api.bank.webhooks.put(account_number=asking.account_number, key=key, url=body.webhookUrl)
    except WebhookKeyNotOwn as error:
        raise _invalid(error, "chave", key_text) from None
    except WebhookUrlInvalid as error:
        raise _invalid(error, "webhook.webhookUrl", body.webhookUrl) from None
    return Response()


@router.get("/webhook/{chave}")
def get_webhook(api: ApiOf, asking: Reader, key_text: KeyText) -> dict[str, Any]:
    """The webhook of a key."""
    try:
        return _document(api.bank.webhooks.queries.find(asking.account_number, _key(key_text)), asking)
    except WebhookNotFound:
        raise _not_found() from None


@router.delete("/webhook/{chave}", status_code=204)
def delete_webhook(api: ApiOf, asking: Writer, key_text: KeyText) -> Response:
    """Deletes the webhook of a key; what it has not delivered yet is not delivered any more."""
    try:
        api.bank.webhooks.remove(account_number=asking.account_number, key=_key(key_text))
    except WebhookNotFound:
        raise _not_found() from None
    return Response(status_code=204)


@router.get("/webhook")
def list_webhooks(api: ApiOf, asking: Reader, period: OptionalPeriodOf, paging: PagingOf) -> dict[str, Any]:
    """The webhooks of the account, oldest first; a period narrows them by their creation."""
    narrow = WebhookFilter(asking.account_number)
    if period is not None:
        narrow = WebhookFilter(asking.account_number, period.from_ms, period.to_ms)
    found, total = api.bank.webhooks.queries.list(narrow, paging.skip, paging.size)
    return {
        "parametros": paging_document(period, paging, total),
        "webhooks": [_document(webhook, asking) for webhook in found],
    }


def _document(webhook: Webhook, asking: Merchant) -> dict[str, Any]:
    """WebhookCompleto. The file requires `cnpj`, which a person does not have: then it is `cpf`."""
    return {
        "webhookUrl": webhook.url,
        "chave": webhook.key.key,
        "cnpj" if len(asking.tax_id) == _CNPJ_LENGTH else "cpf": asking.tax_id,
        "criacao": time_text(webhook.created_at_ms),
    }


def _key(text: str) -> PixKey:
    """Raises WebhookNotFound."""
    try:
        return parse_stored_key(text)
    except SchemeError:
        raise WebhookNotFound from None


def _not_found() -> PixApiError:
    return PixApiError(ErrorKind.WebhookNaoEncontrado, "Esta chave não tem webhook.")


def _invalid(error: SchemeError, property_name: str, value: str) -> PixApiError:
    violation = Violation(translate_rule(Language.PORTUGUESE, error.rule), property_name, value)
    return PixApiError(ErrorKind.WebhookOperacaoInvalida, violations=[violation])
