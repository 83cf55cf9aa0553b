"""Parses ``late=1:20%``: the share that one value of a column shall have."""

from schemas.contract import Column, Contract, Scalar
from schemas.errors import InputError
from schemas.events.commands import Where


def parse_where(texts: list[str], contract: Contract | None) -> tuple[Where, ...]:
    """``COLUMN=VALUE:SHARE``, the share as ``20%`` or ``0.2``; typed by the contract where one is known. Raises
    ``InputError``.
    """
    return tuple(_parse(text, contract) for text in texts)


def _parse(text: str, contract: Contract | None) -> Where:
    column, equals, rest = text.partition("=")
    value, colon, share = rest.rpartition(":")
    if not (equals and colon and column and value):
        raise InputError(f"--where takes COLUMN=VALUE:SHARE, such as late=1:20%; got {text!r}")
    if contract is not None and column not in {known.name for known in contract.modelled}:
        raise InputError(f"--where names {column}, which is not a modelled column")
    typed = value if contract is None else _typed(value, contract.column(column))
    return Where(column=column, value=_guess(value) if contract is None else typed, share=_share(share, text))


def _share(text: str, whole: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise InputError(f"the share in {whole!r} is no number") from None
    if not 0 <= share <= 1:
        raise InputError(f"the share in {whole!r} lies outside 0 to 100 %")
    return share


def _typed(value: str, column: Column) -> Scalar:
    try:
        match column.type:
            case "integer":
                return int(value)
            case "number":
                return float(value)
            case "boolean":
                return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
            case _:
                return value
    except (KeyError, ValueError):
        raise InputError(f"--where gives {column.name} a value that is no {column.type}") from None


def _guess(value: str) -> Scalar:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(value.lower(), value)
