"""The answers about charges, locations and batches, as JSON objects. Source: the API Pix, CobGerada and its kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bank_sim.application.payable_codes.use_cases import PayableCodes
from bank_sim.domain.charges.batches import Batch, BatchItem
from bank_sim.domain.charges.model import Charge, ChargeKind, Debtor, DueDate, Immediate, Location, Modality
from bank_sim.domain.charges.payload import PayeeShown
from bank_sim.entrypoints.http.api_pix.documents.refusals import problem_of_item
from bank_sim.entrypoints.http.api_pix.texts import reais, rfc3339

CPF_LENGTH = 11


@dataclass(frozen=True, slots=True)
class ChargeWriter:
    """Writes the charges of one merchant."""

    codes: PayableCodes
    holder_of: Callable[[str], str]
    """The name of the holder of an account, by its number."""

    def document(
        self, charge: Charge, location: Location | None, payments: Sequence[Mapping[str, Any]] = ()
    ) -> dict[str, Any]:
        """CobGerada or CobVGerada; with payments CobCompleta or CobVCompleta. `payments` are Pix documents."""
        document: dict[str, Any] = {
            "calendario": _calendar(charge),
            "txid": charge.txid,
            "revisao": charge.revision,
            "status": charge.status.value,
            "valor": _value(charge),
            "chave": charge.key.key,
        }
        holder = self.holder_of(charge.account_number)
        if location is not None:
            shown = self.location(location)
            document["loc"] = shown
            document["location"] = shown["location"]
            document["pixCopiaECola"] = self.codes.write(shown["location"], holder)
        if charge.debtor is not None:
            document["devedor"] = debtor_document(charge.debtor)
        if charge.kind is ChargeKind.DUE_DATE:
            document["recebedor"] = _payee(PayeeShown(holder, charge.tax_id))
        if charge.payer_request:
            document["solicitacaoPagador"] = charge.payer_request
        if charge.details:
            document["infoAdicionais"] = [{"nome": each.name, "valor": each.value} for each in charge.details]
        if payments:
            document["pix"] = list(payments)
        return document

    def location(self, location: Location) -> dict[str, Any]:
        """PayloadLocation; PayloadLocationCompleta when it serves a charge."""
        document: dict[str, Any] = {
            "id": location.location_id,
            "location": self.codes.location(location.kind, location.token),
            "tipoCob": location.kind.value,
            "criacao": rfc3339(location.created_at_ms),
        }
        if location.txid:
            document["txid"] = location.txid
        return document


def batch_document(batch: Batch) -> dict[str, Any]:
    """LoteCobVConsultado."""
    return {
        "id": int(batch.batch_id),
        "descricao": batch.description,
        "criacao": rfc3339(batch.created_at_ms),
        "cobsv": [_item(item) for item in batch.items],
    }


def debtor_document(debtor: Debtor) -> dict[str, Any]:
    """`devedor`."""
    document = {
        **_tax_id(debtor.tax_id),
        "nome": debtor.name,
        "email": debtor.email,
        "logradouro": debtor.street,
        "cidade": debtor.city,
        "uf": debtor.state,
        "cep": debtor.postal_code,
    }
    return {name: value for name, value in document.items() if value}


def _item(item: BatchItem) -> dict[str, Any]:
    document: dict[str, Any] = {"txid": item.txid, "status": item.status.value}
    if item.made_at_ms is not None:
        document["criacao"] = rfc3339(item.made_at_ms)
    if item.refusals:
        document["problema"] = problem_of_item(item.refusals)
    return document


def _calendar(charge: Charge) -> dict[str, Any]:
    created = {"criacao": rfc3339(charge.created_at_ms)}
    match charge.terms:
        case Immediate(expiry_seconds=seconds):
            return {**created, "expiracao": seconds}
        case DueDate(due_day=day, valid_days_after=days):
            return {**created, "dataDeVencimento": day.isoformat(), "validadeAposVencimento": days}


def _value(charge: Charge) -> dict[str, Any]:
    document: dict[str, Any] = {"original": reais(charge.amount_centavos)}
    match charge.terms:
        case Immediate(payer_may_change_amount=may_change):
            document["modalidadeAlteracao"] = int(may_change)
        case DueDate() as terms:
            shares = {"multa": terms.fine, "juros": terms.interest, "abatimento": terms.rebate}
            document |= {name: _share(share) for name, share in shares.items() if share is not None}
            if terms.discount is not None:
                discount: dict[str, Any] = {"modalidade": terms.discount.kind}
                if terms.discount.dated:
                    discount["descontoDataFixa"] = [
                        {"data": each.until.isoformat(), "valorPerc": reais(each.value)}
                        for each in terms.discount.dated
                    ]
                else:
                    discount["valorPerc"] = reais(terms.discount.value)
                document["desconto"] = discount
    return document


def _share(share: Modality) -> dict[str, Any]:
    return {"modalidade": share.kind, "valorPerc": reais(share.value)}


def _payee(payee: PayeeShown) -> dict[str, Any]:
    return {
        **_tax_id(payee.tax_id),
        "nome": payee.name,
        "logradouro": payee.street,
        "cidade": payee.city,
        "uf": payee.state,
        "cep": payee.postal_code,
    }


def _tax_id(tax_id: str) -> dict[str, str]:
    return {"cpf" if len(tax_id) == CPF_LENGTH else "cnpj": tax_id}
