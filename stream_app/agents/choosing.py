"""The planner's choices, by the generators' own selection."""

from generators.registry import family as family_of
from schemas.contract import Contract
from stream_app.core.ladder import Choice


class FamilySelection:
    def choose(self, contract: Contract, rows: int, asked: str | None) -> Choice:
        name = asked or "private_marginals"
        return Choice(name, "the base family", {}, family_of(name).mechanisms(contract, rows))

    def climb(
        self, contract: Contract, rows: int, tried: tuple[Choice, ...], reasons: tuple[str, ...]
    ) -> Choice | None:
        name = "private_marginals"
        return Choice(name, "the next on the ladder", {}, family_of(name).mechanisms(contract, rows))
