"""A refusal tells a person which value broke which rule, wherever it travels."""

import pickle

from pix.scheme.errors import SchemeError


def test_it_reads_as_field_and_rule() -> None:
    error = SchemeError("key", "CPF check digits do not match.")
    assert str(error) == "key: CPF check digits do not match."
    assert (error.field, error.rule) == ("key", "CPF check digits do not match.")
    assert isinstance(error, ValueError)


def test_it_survives_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(SchemeError("amount", "Enter an amount.")))
    assert (error.field, error.rule) == ("amount", "Enter an amount.")
