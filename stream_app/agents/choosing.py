"""The planner's choices, made by the generators' own selection; pure, and the same on every worker."""

from generators import selection
from generators.registry import FAMILIES, entry, mechanisms_of
from schemas.contract import Contract
from stream_app.core.ladder import Choice


class FamilySelection:
    """Families without an extra are always there; one that needs an extra counts as there only where the contract's
    ladder or a person names it. What this worker has installed does not enter, or workers would decide differently.
    """

    def choose(self, contract: Contract, rows: int, asked: str | None) -> Choice:
        """Raises ``InputError`` that says why the family that was asked for cannot be, or why the table had better not
        be synthesised; ``ContractError`` where the contract cannot be generated from. ``rows`` is 0 where unknown.
        """
        made = selection.choose(contract, rows, self._usable(contract, asked), requested=asked)
        return self._priced(contract, rows, made)

    def climb(
        self, contract: Contract, rows: int, tried: tuple[Choice, ...], reasons: tuple[str, ...]
    ) -> Choice | None:
        """None where nothing is left; ``reasons`` begin with the metric that was not met."""
        before = [selection.Choice(choice.family, choice.why, choice.parameters) for choice in tried]
        failed = {reason.split(" ")[0].rstrip(":") for reason in reasons}
        made = selection.climb(contract, self._usable(contract, None), before, failed, rows or None)
        return None if made is None else self._priced(contract, rows, made)

    def _usable(self, contract: Contract, asked: str | None) -> tuple[str, ...]:
        named = {*contract.policy.regeneration.ladder, asked}
        return tuple(name for name in FAMILIES if entry(name).extra is None or name in named)

    def _priced(self, contract: Contract, rows: int, made: selection.Choice) -> Choice:
        follows = entry(made.family).counts and contract.policy.generation.counts == "public_bins"
        return Choice(made.family, made.why, dict(made.parameters), mechanisms_of(made.family, contract, rows), follows)
