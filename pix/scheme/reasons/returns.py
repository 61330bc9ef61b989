"""Why money goes back, and why a return fails."""

from __future__ import annotations

from typing import Final

from pix.scheme.reasons.codes import Giver, Reason, ReasonCode, by_code, given_by

FLOW: Final = "return"

_HUB: Final = frozenset({Giver.HUB})
_PAYER_BANK: Final = frozenset({Giver.PAYER_BANK})
_PAYEE_BANK: Final = frozenset({Giver.PAYEE_BANK})

REASONS: Final = by_code(
    (
        Reason(
            ReasonCode.MD06,
            _PAYEE_BANK,
            "The customer who received the money sends it back.",
            "O cliente que recebeu o dinheiro pediu a devolução.",
        ),
        Reason(
            ReasonCode.BE08,
            _PAYEE_BANK,
            "A bank made a mistake: the money goes back.",
            "Houve falha operacional de um banco: o dinheiro volta.",
        ),
        Reason(
            ReasonCode.FR01,
            _PAYEE_BANK,
            "The transfer is suspected of fraud: the money goes back.",
            "Há suspeita de fraude na transferência: o dinheiro volta.",
        ),
        Reason(
            ReasonCode.AB11,
            _HUB,
            "Timeout: the bank of the original payer did not answer in time.",
            "Tempo esgotado: o banco do pagador original não respondeu a tempo.",
        ),
        Reason(
            ReasonCode.AG12,
            _HUB,
            "This return is not allowed: its reason is not one of a return, or a bank does not take returns.",
            "Esta devolução não é permitida: o motivo não é de devolução ou um banco não aceita devoluções.",
        ),
        Reason(
            ReasonCode.AG13,
            _HUB,
            "A return cannot be returned.",
            "Uma devolução não pode ser devolvida.",
        ),
        Reason(
            ReasonCode.AM04,
            _HUB,
            "The payee's bank does not have enough available settlement balance for this return.",
            "O banco do recebedor não tem saldo de liquidação disponível suficiente para esta devolução.",
        ),
        Reason(
            ReasonCode.AM09,
            _HUB,
            "The amount is zero, or more than is left of the original transfer.",
            "O valor é zero ou maior do que o que resta da transferência original.",
        ),
        Reason(
            ReasonCode.CH16,
            _HUB,
            "A field of the return is malformed.",
            "Um campo da devolução tem formato inválido.",
        ),
        Reason(
            ReasonCode.DS27,
            _HUB,
            "One of the two banks is not in the network or is suspended.",
            "Um dos dois bancos não está na rede ou está suspenso.",
        ),
        Reason(
            ReasonCode.DT05,
            _HUB,
            "The original transfer is more than 90 days old.",
            "A transferência original tem mais de 90 dias.",
        ),
        Reason(
            ReasonCode.DUPL,
            _HUB,
            "Another return already has this return id.",
            "Outra devolução já usa este identificador (RtrId).",
        ),
        Reason(
            ReasonCode.FF08,
            _HUB,
            "The return id is malformed or another bank's, or this bank may not return the original transfer.",
            "O identificador da devolução é inválido ou o banco não pode devolver a transferência original.",
        ),
        Reason(
            ReasonCode.AC06,
            _PAYER_BANK,
            "The account of the original payer is blocked.",
            "A conta do pagador original está bloqueada.",
        ),
        Reason(
            ReasonCode.AC07,
            _PAYER_BANK,
            "The account of the original payer is closed.",
            "A conta do pagador original está encerrada.",
        ),
        Reason(
            ReasonCode.ED05,
            _PAYER_BANK,
            "The bank of the original payer could not process the return.",
            "O banco do pagador original não conseguiu processar a devolução.",
        ),
    )
)
"""Every code of a return, with its sentences."""

RETURN_REASONS: Final = given_by(Giver.PAYEE_BANK, REASONS)
"""The codes with which a payee's bank may request a return."""

HUB_REASONS: Final = given_by(Giver.HUB, REASONS)
"""The codes that the hub gives."""

PAYER_BANK_REASONS: Final = given_by(Giver.PAYER_BANK, REASONS)
"""The codes with which a payer's bank may reject an offered return."""

REASONS_WITHOUT_ROW: Final = frozenset({ReasonCode.CH16, ReasonCode.FF08, ReasonCode.DUPL})
"""The codes with which the hub may reject a request without a row, as in the transfer's (docs/decisions/0001).

A rejection that depends on what the hub knows does make a row: an original that is not confirmed yet must not be
rejected now, the customer given the money back, and the same request accepted when it comes again later.
"""
