"""The table of rules: shown, and changed by a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bank_sim.application.ports import UnitOfWork, UnitsOfWork
from bank_sim.domain.sandbox.rules import RULES_MAX, Rule, RuleKind, RuleSource, behaviour_of, standard_rules
from pix.scheme.errors import SchemeError


class RuleNotFound(SchemeError):
    def __init__(self) -> None:
        super().__init__("rule_id", "There is no rule with this id.")


class ShowRules:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, kind: RuleKind | None = None) -> list[Rule]:
        """In their order."""
        with self._units() as unit:
            return [rule for rule in _table(unit) if kind in (None, rule.kind)]

    def find(self, rule_id: str) -> Rule:
        """Raises RuleNotFound."""
        return _found(self(), rule_id)


class AddRule:
    """Adds a rule of a test."""

    def __init__(self, units: UnitsOfWork, new_id: Callable[[], str]) -> None:
        self._units = units
        self._new_id = new_id

    def __call__(self, rule: Rule) -> Rule:
        """The rule with the id that it has now; one that has an id takes the place of another with it.

        Raises SchemeError(field="rule_id") for the id of a switch or a magic amount, and when there are too many.
        """
        with self._units() as unit:
            unit.rules.lock()
            table = _table(unit)
            rule = replace(rule, rule_id=rule.rule_id or self._new_id(), source=RuleSource.TEST)
            earlier = next((each for each in table if each.rule_id == rule.rule_id), None)
            if earlier is not None and earlier.source is not RuleSource.TEST:
                raise SchemeError("rule_id", "This id belongs to a rule of the bank; change that one.")
            if earlier is None and len(table) >= RULES_MAX:
                raise SchemeError("rule_id", f"A bank has at most {RULES_MAX} rules.")
            unit.rules.put([*_missing(unit), rule])
            unit.commit()
        return rule


class ChangeRule:
    """Changes a rule of any source, from the next batch on and in every replica."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, rule_id: str, change: Callable[[Rule], Rule]) -> Rule:
        """`change` gives the rule as it is to be; id, kind and source stay. Raises RuleNotFound, SchemeError."""
        with self._units() as unit:
            unit.rules.lock()
            rule = _found(_table(unit), rule_id)
            changed = replace(change(rule), rule_id=rule.rule_id, kind=rule.kind, source=rule.source)
            if rule.source is RuleSource.SWITCH and (changed.match, changed.position, changed.enabled) != (
                rule.match,
                rule.position,
                rule.enabled,
            ):
                raise SchemeError("rule_id", "Only the action of a switch can be changed: it fits everything, last.")
            unit.rules.put([*_missing(unit), changed])
            unit.commit()
        return changed


class RemoveRule:
    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, rule_id: str) -> None:
        """Removes a rule of a test; a magic amount is disabled instead. Raises RuleNotFound, SchemeError."""
        with self._units() as unit:
            unit.rules.lock()
            if _found(_table(unit), rule_id).source is not RuleSource.TEST:
                raise SchemeError("rule_id", "This is a rule of the bank: it can be changed, not removed.")
            unit.rules.remove([rule_id])
            unit.commit()


def _table(unit: UnitOfWork) -> list[Rule]:
    """The rules as they count."""
    return sorted((*unit.rules.all(), *_missing(unit)), key=lambda rule: rule.order)


def _missing(unit: UnitOfWork) -> list[Rule]:
    """The standard rules, of a table that was not changed yet."""
    rules = unit.rules.all()
    has_switches = any(rule.source is RuleSource.SWITCH for rule in rules)
    return [] if has_switches else list(standard_rules(behaviour_of(rules)))


def _found(rules: list[Rule], rule_id: str) -> Rule:
    for rule in rules:
        if rule.rule_id == rule_id:
            return rule
    raise RuleNotFound
