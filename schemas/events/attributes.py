"""Numbers of events whose body is no JSON: they travel as attributes."""

from schemas.errors import ContractError


def whole_number(text: str) -> int:
    """The number that an attribute spells; raises ``ContractError`` on anything but 1 to 18 ASCII digits."""
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ContractError("an attribute of the event is not a whole number")
    return int(text)
