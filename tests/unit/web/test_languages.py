"""Every text is there in every language, and the visitor's language is found."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Message

from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_line
from pix.web.catalogue import collect_messages
from pix.web.folders import templates_folder
from pix.web.languages import (
    Language,
    catalogue,
    choose_language,
    translate,
    translate_reason,
    translate_rule,
    translations,
)

OTHER_LANGUAGES = [language for language in Language if language is not Language.ENGLISH]
PLACEHOLDER = re.compile(r"%\([a-z_]+\)s|\{\}")


def texts_of(message: Message) -> list[str]:
    return [message.id] if isinstance(message.id, str) else list(message.id)


def strings_of(message: Message | None) -> list[str]:
    if message is None or not message.string:
        return []
    return [message.string] if isinstance(message.string, str) else list(message.string)


def test_one_of_a_thing_is_never_a_plural() -> None:
    """A text with `count` before a noun has a form for one; a limit, which is never one, is `most`."""
    of_several = re.compile(r"%\(count\)s (?:more |other )?[a-z]{3,}s\b")
    found = [message.id for message in collect_messages() if isinstance(message.id, str) and not message.pluralizable]
    assert [text for text in found if of_several.search(text)] == []


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_every_text_is_translated(language: Language) -> None:
    known = catalogue(language)
    wanted = [message for message in collect_messages() if message.id]
    assert len(wanted) > 300
    missing = []
    for message in wanted:
        found = known.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
        strings = strings_of(found)
        if not strings or not all(strings):
            missing.append(texts_of(message)[0])
    assert missing == [], "python -m pix.web.catalogue brings them into the catalogue; then translate them"


@pytest.mark.parametrize("language", list(Language))
def test_no_text_stays_no_text(language: Language) -> None:
    assert translate(language, "") == ""
    assert translate_reason(language, "") == ""


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_translations_keep_what_is_filled_in(language: Language) -> None:
    for message in catalogue(language):
        if not message.id:
            continue
        wanted = set(PLACEHOLDER.findall(texts_of(message)[-1]))
        for string in strings_of(message):
            assert not string or set(PLACEHOLDER.findall(string)) == wanted, message.id


@pytest.mark.parametrize(
    ("chosen", "header", "expected"),
    [
        (None, "pt-BR,pt;q=0.9,en;q=0.8", Language.PORTUGUESE),
        (None, "pt-PT", Language.PORTUGUESE),
        (None, "pt", Language.PORTUGUESE),
        (None, "PT-br", Language.PORTUGUESE),
        (None, "zh-Hant-TW, pt;q=0.1", Language.PORTUGUESE),
        (None, "en-US,en;q=0.9,pt;q=0.8", Language.ENGLISH),
        (None, "en;q=0.3, pt-BR;q=0.7", Language.PORTUGUESE),
        (None, "de, fr;q=0.5", Language.ENGLISH),
        (None, "", Language.ENGLISH),
        (None, ";;q=,,q=x;q=y", Language.ENGLISH),
        ("pt-BR", "en", Language.PORTUGUESE),
        ("en", "pt-BR", Language.ENGLISH),
        ("xx", "pt-BR", Language.PORTUGUESE),
    ],
)
def test_the_choice_counts_before_the_browser(chosen: str | None, header: str, expected: Language) -> None:
    assert choose_language(chosen, header) is expected


def test_a_rule_is_translated_with_its_values() -> None:
    with pytest.raises(SchemeError) as refusal:
        check_line("x" * 100, "name", 1, 80)
    assert translate_rule(Language.PORTUGUESE, refusal.value.rule) == "São permitidos no máximo 80 caracteres."
    assert translate_rule(Language.ENGLISH, refusal.value.rule) == refusal.value.rule
    assert translate_rule(Language.PORTUGUESE, "Nobody wrote this.") == "Nobody wrote this."


def test_counts_have_their_plurals() -> None:
    portuguese = translations(Language.PORTUGUESE)
    assert portuguese.ungettext("%(count)s posting", "%(count)s postings", 1) == "%(count)s lançamento"
    assert portuguese.ungettext("%(count)s posting", "%(count)s postings", 2) == "%(count)s lançamentos"
    assert translate(Language.ENGLISH, "Home") == "Home"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("codepix-type: header is missing", "codepix-type: falta o cabeçalho"),
        (
            "value: 70000 bytes, more than the 65536 that a message may have",
            "value: 70000 bytes, mais que os 65536 permitidos em uma mensagem",
        ),
        ("value: amount: The amount cannot be negative.", "value: amount: O valor não pode ser negativo."),
        ("cannot be read: ValueError: x", "não pode ser lido: ValueError: x"),
        ("of an older version", "of an older version"),
    ],
)
def test_a_dead_letters_reason_is_translated_behind_its_place(reason: str, told: str) -> None:
    assert translate_reason(Language.PORTUGUESE, reason) == told
    assert translate_reason(Language.ENGLISH, reason) == reason


@pytest.mark.parametrize(
    ("context", "text", "told"),
    [
        (None, "Open", "Abrir"),  # a dead letter, by a button; an account is "Aberta"
        ("message", "To", "Para"),
        (None, "To", "Até"),  # the last day of a period
        ("bank", "Last seen", "Visto pela última vez"),
        ("filter", "All", "Todos"),
        (None, "All", "Todas"),
        ("verb", "Return", "Devolver"),
        (None, "Return", "Devolução"),
    ],
)
def test_a_word_with_two_senses_has_two_translations(context: str | None, text: str, told: str) -> None:
    found = translations(Language.PORTUGUESE)
    assert (found.pgettext(context, text) if context else found.gettext(text)) == told


def test_one_thing_has_one_name_in_portuguese() -> None:
    """The hub is the hub, and a dead letter is a message that was not processed."""
    for message in catalogue(Language.PORTUGUESE):
        for text, told in zip(texts_of(message), strings_of(message), strict=False):
            assert not re.search(r"\bcentral\b(?! do)|cartas? mortas?|mensage(?:m|ns) mortas?", told), told
            assert not re.search(r"\b[Hh]ub\b", text) or re.search(r"\b[Hh]ub\b", told), told


def test_numbers_with_decimals_are_written_by_the_filter_that_knows_the_language() -> None:
    """2.9 in English is 2,9 in Portuguese, so no template formats one itself. A field for numbers takes a point."""
    by_hand = re.compile(r"""%\.[1-9]f|(?<!value=")\{\{[^}"]*/ *10+[^}"|]*\}\}""")
    pages = {page.name: page.read_text(encoding="utf-8") for page in templates_folder().rglob("*.html")}
    assert {name: by_hand.findall(text) for name, text in pages.items() if by_hand.search(text)} == {}
