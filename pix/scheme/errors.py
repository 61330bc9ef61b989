"""The one error of the scheme's rules."""


class SchemeError(ValueError):
    """A value breaks a rule of the scheme.

    `field` names the value as its sender knows it ("key", "amount_centavos"); `rule` is one sentence for people that
    names the broken rule and never repeats the value, so that it can be logged and shown as it is.
    """

    def __init__(self, field: str, rule: str) -> None:
        # Both go to `args`, so that the error survives pickling between processes.
        super().__init__(field, rule)
        self.field = field
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"
