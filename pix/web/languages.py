"""The languages of the pages: which one a visitor reads, and the translation of texts and of rules.

The catalogues are Babel's `.po` files, compiled when they are loaded. English is the language of the source, so it
needs no catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from io import BytesIO
from typing import Final

from babel.core import negotiate_locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from pix.scheme.reasons import ReasonCode, reason_of
from pix.web.folders import templates_folder


class Language(StrEnum):
    """A language that the pages speak, by its BCP 47 tag."""

    ENGLISH = "en"
    PORTUGUESE = "pt-BR"

    @property
    def locale(self) -> str:
        return self.value.replace("-", "_")

    @property
    def own_name(self) -> str:
        return _OWN_NAMES[self]


DEFAULT_LANGUAGE: Final = Language.ENGLISH

_OWN_NAMES: Final[Mapping[Language, str]] = {Language.ENGLISH: "English", Language.PORTUGUESE: "Português"}
_BY_PRIMARY_TAG: Final = {language.value.partition("-")[0]: language for language in Language}
_ACCEPTED_MAX: Final = 20


@cache
def catalogue(language: Language) -> Catalog:
    path = templates_folder() / "locale" / f"{language.locale}.po"
    if not path.exists():
        return Catalog(locale=language.locale)
    with path.open("rb") as source:
        return read_po(source, locale=language.locale)


class _Texts(Translations):
    def gettext(self, message: str) -> str:
        # A catalogue keeps its head under the empty text, and would give it for a reason that is not there.
        return super().gettext(message) if message else ""


@cache
def translations(language: Language) -> NullTranslations:
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return _Texts(compiled)


def translate(language: Language, text: str) -> str:
    """The text in the language, or as it is when the catalogue lacks it."""
    return translations(language).gettext(text)


def translate_rule(language: Language, rule: str) -> str:
    """The sentence of an error in the language.

    A rule may have values in it ("At most 80 characters are allowed."). The catalogue has one entry for all of them,
    with `{}` for each ("At most {} characters are allowed."), and the values are put back in their order.
    """
    exact = translate(language, rule)
    if exact != rule:
        return exact
    for pattern, translated in _patterns(language):
        match = pattern.fullmatch(rule)
        if match:
            return translated.format(*match.groups())
    return rule


def translate_reason(language: Language, reason: str) -> str:
    """Why a record was not processed, in the language: places ("value: ") stay, the sentence behind is translated."""
    whole = translate_rule(language, reason)
    place, separator, rest = reason.partition(": ")
    if whole != reason or not separator:
        return whole
    return f"{place}: {translate_reason(language, rest)}"


@cache
def _patterns(language: Language) -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(re.escape(message.id).replace(r"\{\}", "(.+?)")), message.string)
        for message in catalogue(language)
        if isinstance(message.id, str) and "{}" in message.id and isinstance(message.string, str) and message.string
    ]


def reason_sentence(code: str | None, language: Language, flow: str = "transfer") -> str:
    """What a reason code means in a flow, for people; empty for none, and for a text that is no code."""
    try:
        reason = reason_of(ReasonCode(code or ""), flow)
    except ValueError:
        return ""
    return reason.sentence_pt if language is Language.PORTUGUESE else reason.sentence_en


def choose_language(chosen: str | None, accept_language: str) -> Language:
    """What the visitor chose on the page; else the first of the browser's languages that we have; else the default.

    Any region of a language will do: who reads `pt-PT` gets `pt-BR`.
    """
    if chosen in set(Language):
        return Language(chosen)
    wanted = [tag for tag, _ in sorted(_accepted(accept_language), key=lambda pair: -pair[1])]
    found = negotiate_locale(wanted, _BY_PRIMARY_TAG, sep="-")
    return DEFAULT_LANGUAGE if found is None else _BY_PRIMARY_TAG[found]


def _accepted(header: str) -> list[tuple[str, float]]:
    pairs = []
    for part in header.split(",")[:_ACCEPTED_MAX]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            pairs.append((tag.strip().lower(), float(quality or 1)))
        except ValueError:
            continue
    return pairs
