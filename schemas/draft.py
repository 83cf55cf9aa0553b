"""A first contract from a file: types, roles and domains as seen, each choice explained, for a person to edit.

Everything seen in the file is unconfirmed, because a bound or a category may be a fact about one person: a formal claim
refuses it until someone states that it is public knowledge.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

from schemas.contract import Column, Contract, Dependency, Policy, Privacy, PrivacyUnit, Scalar
from schemas.draft_column import Drafting, draft_column
from schemas.errors import InputError
from schemas.metrics import METRICS
from schemas.model import epsilon_text
from schemas.odcs import write_contract
from schemas.redundancy import MOST_COMBINATIONS, Determined, dependencies, near_copies
from schemas.regeneration import Regeneration
from schemas.table import conform

if TYPE_CHECKING:
    import pandas as pd

MAX_COLUMNS = 2_000
_SMALL = 2_000
_SAMPLE_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Drafted:
    """A contract, the comments by place, and both as the text of an ODCS file."""

    contract: Contract
    comments: Mapping[str, str]
    text: str


def draft(
    frame: "pd.DataFrame",
    dataset: str,
    target: str | None = None,
    entity: str | None = None,
    time: str | None = None,
    subgroups: Sequence[str] = (),
    epsilon: float | str | None = None,
    public_domains: bool = False,
) -> Drafted:
    """Draft a contract for ``frame``.

    Raises ``InputError`` where a named column is missing, or nothing is left to model.
    A dataset's name is lower-cased and its odd characters replaced where needed, and the head comment says so.
    ``public_domains`` states that domains, bounds and dependencies seen in the file are public knowledge.
    """
    frame = _checked(
        frame,
        [("--target", target), ("--entity", entity), ("--time", time), *(("--subgroup", name) for name in subgroups)],
    )
    name = _dataset(dataset)
    keep = frozenset(item for item in (target, *subgroups) if item is not None)
    drafts = [_drafted(frame, column, target, entity, time, keep, public_domains) for column in frame.columns]
    columns = tuple(item.column for item in drafts)
    comments = {item.column.name: item.comment for item in drafts}
    if not any(column.role == "modelled" for column in columns):
        raise InputError("no column is left to model: all are keys, free text or empty; name a --target to keep one")
    plain = Contract(dataset=name, columns=columns, policy=Policy(privacy=Privacy(scope=name)))
    typed = conform(frame, plain).table
    _flag_copies(typed, target, comments)
    declared = _declare(typed, columns, target, public_domains, comments)
    privacy, watched = _privacy(frame, name, entity, epsilon), tuple(dict.fromkeys(subgroups))
    again = _regeneration(len(frame))
    policy = Policy(privacy=privacy, target=target, dependencies=declared, subgroups=watched, regeneration=again)
    comments |= _policy_comments(len(frame), entity, target, public_domains)
    comments[""] = _head(name, dataset, columns, public_domains)
    contract = Contract.from_document(plain.document() | {"policy": policy.document()})
    return Drafted(contract, comments, write_contract(contract, comments))


def _checked(frame: "pd.DataFrame", named: Sequence[tuple[str, str | None]]) -> "pd.DataFrame":
    names = [str(name) for name in frame.columns]
    if not names or not len(frame):
        raise InputError("the table has no rows or no columns: nothing can be drafted from it")
    if len(names) > MAX_COLUMNS:
        raise InputError(f"the table has {len(names)} columns; at most {MAX_COLUMNS} are drafted")
    if len(set(names)) != len(names) or any(not 1 <= len(name) <= 200 for name in names):
        raise InputError("columns need different names of 1 to 200 characters: rename them in the file")
    for option, name in named:
        if name is not None and name not in names:
            raise InputError(f"{option}: the table has no column {name}; it has {', '.join(names[:30])}")
    given = dict(named)
    if given["--target"] in {given["--entity"], given["--time"]} - {None}:
        raise InputError(
            "--target: the target can be neither the entity nor the time column, for those are not released"
        )
    return frame.set_axis(names, axis=1)


def _dataset(given: str) -> str:
    plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode("ascii")
    slug = re.sub(r"[^a-z0-9_.-]+", "_", plain.lower()).strip("_.-")[:100]
    if not slug:
        raise InputError("--dataset: a name of letters a-z, digits, dots, dashes and underscores is needed")
    return slug


def _drafted(
    frame: "pd.DataFrame",
    name: str,
    target: str | None,
    entity: str | None,
    time: str | None,
    keep: frozenset[str],
    confirmed: bool,
) -> Drafting:
    forced = {entity: "entity", time: "time"}.get(name) or ("modelled" if name in keep else None)
    found = draft_column(frame[name], name, cast("Any", forced), confirmed)
    if name == time and found.column.type not in ("date", "timestamp", "integer", "number"):
        raise InputError(f"--time: {name} holds neither dates nor numbers in an order")
    if name == target and found.column.domain is None:
        raise InputError(f"--target: {name} is empty or free text and cannot be a target")
    return found


def _flag_copies(typed: "pd.DataFrame", target: str | None, comments: dict[str, str]) -> None:
    for name in near_copies(_first_rows(typed), target) if target is not None else ():
        comments[name] += (
            f"\nALMOST A COPY of {target}: it predicts the target nearly alone. If it is only known once the target is,"
            "\nset role: ignored, or every model will look too good."
        )


def _declare(
    typed: "pd.DataFrame", columns: tuple[Column, ...], target: str | None, public: bool, comments: dict[str, str]
) -> tuple[Dependency, ...]:
    few = [
        column.name
        for column in columns
        if column.name in typed
        and column.type not in ("date", "timestamp")
        and 1 < typed[column.name].nunique() <= MOST_COMBINATIONS
    ]
    declared = []
    for found in dependencies(typed[few], target):
        rows_seen = typed[[*found.determinants, found.dependent]].dropna()
        counted = (
            rows_seen.value_counts().reset_index().sort_values(["count", found.dependent], ascending=[False, True])
        )
        table = (
            counted.drop_duplicates(list(found.determinants))
            .sort_values(list(found.determinants))
            .drop(columns="count")
        )
        exceptions = len(rows_seen) - int(counted.loc[table.index, "count"].sum())
        comments[found.dependent] += _dependency_comment(found, len(table), exceptions, public)
        if public:
            listed = tuple(tuple(_scalar(value) for value in row) for row in table.itertuples(index=False))
            declared.append(Dependency(determinants=found.determinants, dependent=found.dependent, table=listed))
    return tuple(declared)


def _dependency_comment(found: Determined, combinations: int, exceptions: int, public: bool) -> str:
    by = " and ".join(found.determinants)
    rows = f"all but {exceptions} rows" if exceptions else "every row"
    end = (
        "declared below as a public dependency."
        if public
        else "if that is public knowledge, declare it under dependencies."
    )
    return f"\nFollows from {by} in {rows} ({combinations} combinations): {end}"


def _scalar(value: Any) -> Scalar:
    plain = value.item() if hasattr(value, "item") else value
    return cast("Scalar", plain)


def _privacy(frame: "pd.DataFrame", scope: str, entity: str | None, epsilon: float | str | None) -> Privacy:
    try:
        chosen = Decimal(str(epsilon)) if epsilon is not None else Decimal(1)
    except InvalidOperation:
        raise InputError("--epsilon: a number above 0 is needed") from None
    if not (chosen.is_finite() and 0 < chosen <= 1_000_000):
        raise InputError("--epsilon: a number above 0 is needed")
    unit = PrivacyUnit()
    if entity is not None:
        unit = PrivacyUnit(kind="entity", column=entity, max_rows=_round(float(frame[entity].value_counts().median())))
    delta = min(1e-5, 10.0 ** -math.ceil(math.log10(max(10, len(frame)))))
    return Privacy(
        scope=scope,
        unit=unit,
        epsilon=epsilon_text(float(chosen)),
        cap_epsilon=epsilon_text(float(4 * chosen)),
        delta=delta,
    )


def _round(value: float) -> int:
    """The nearest of 1, 2, 5, 10, 20, 50 and so on: a median of the data itself would be a fact about it."""
    if not value >= 1:
        return 1
    scale: int = 10 ** math.floor(math.log10(value))
    return min([factor * scale for factor in (1, 2, 5, 10)], key=lambda choice: abs(math.log(choice / value)))


def _regeneration(rows: int) -> Regeneration:
    return Regeneration(debounce_rows=max(100, min(2_000, rows // 10)))


def _first_rows(frame: "pd.DataFrame") -> "pd.DataFrame":
    return frame if len(frame) <= _SAMPLE_ROWS else frame.iloc[:: math.ceil(len(frame) / _SAMPLE_ROWS)]


def _head(name: str, given: str, columns: tuple[Column, ...], public: bool) -> str:
    personal = [column.name for column in columns if column.personal is not None]
    lines = [
        "Drafted from a file: read every line before you apply it. It is an Open Data Contract Standard v3 document;",
        "what Perennial decides by stands under the custom property perennial.",
    ]
    if name != given:
        lines.append("The dataset's name was adapted: lower case, no spaces or odd characters.")
    if personal:
        lines.append(f"Personal data suspected in: {', '.join(personal)}.")
    lines.append(
        "Domains were stated to be public knowledge (--public-domains)."
        if public
        else "Domains were seen in the data and are unconfirmed: a formal claim refuses them.\n"
        "Set confirmed: true where a domain is public knowledge, or change it to one that is."
    )
    return "\n".join(lines)


def _policy_comments(rows: int, entity: str | None, target: str | None, public: bool) -> dict[str, str]:
    unit = (
        f"All rows with one value of {entity} are protected together, and at most max_rows of each are used."
        if entity is not None
        else "Each row is protected by itself. Where one person or thing has several rows, use kind: entity."
    )
    comments = {
        "policy.privacy.claim": "formal: a generator with a proof, confirmed domains.\n"
        "empirical: measured only, no epsilon certified.",
        "policy.privacy.unit": unit,
        "policy.privacy.scope": "Budgets are kept by scope: give datasets about the same people the same scope.",
        "policy.privacy.epsilon": "One release may cost this much; all of the scope together cap_epsilon.",
        "policy.privacy.delta": "Below one in the number of rows.",
        "policy.privacy.timing": "raw: drift on the raw stream decides when to regenerate, outside the guarantee;\n"
        "schedule keeps it inside; private too, by a test that costs trigger_epsilon (a tenth of epsilon).",
        "policy.tier": "Who must sign before a release leaves: privacy_officer, legal, owner.",
        "policy.split": "Shares of the privacy units; only train is ever seen by a generator.",
        "policy.regeneration": "debounce_rows live rows pass between two runs that drift triggers.",
        "policy.limits": "Defaults: "
        + ", ".join(f"{limit.name} {limit.direction.replace('_', ' ')} {limit.default:g}" for limit in METRICS)
        + ".",
    }
    if target is not None:
        comments["policy.target"] = "What models will be trained to predict; train-synthetic-test-real measures it."
    if public:
        comments["policy.dependencies"] = "Combinations that are not listed cannot occur."
    if rows < _SMALL:
        comments["policy.privacy.epsilon"] += (
            "\nThe table is small: at this epsilon noise may drown it, and gates may find too little evidence."
        )
    return comments
