"""The same story on the user's own file: a drafted contract, the first part as the snapshot, the rest as the stream."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.contract import Contract
from schemas.draft import draft
from schemas.errors import InputError
from schemas.odcs import write_contract
from stream_app.adapters.sources import read_frame
from stream_app.core.drift.backtest import backtest
from stream_app.demo.tale import Tale

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

SNAPSHOT_SHARE = 0.5
LEAST_ROWS = 40
INJECTED_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Roles:
    """What the user said about the columns."""

    target: str | None
    time: str | None
    entity: str | None


def prepare(data: str, roles: Roles, folder: Path) -> Tale:
    """Read the file, draft its contract and write snapshot and stream; raises ``InputError`` that says what to do."""
    frame = read_frame(data)
    if len(frame) < LEAST_ROWS:
        raise InputError(f"{data} has {len(frame)} rows; the demo needs {LEAST_ROWS} at least")
    for name in (roles.target, roles.time, roles.entity):
        if name is not None and name not in frame.columns:
            raise InputError(f"{data} has no column {name}; it has {', '.join(map(str, frame.columns))}")
    drafted = draft(
        frame, _name(data), target=roles.target, entity=roles.entity, time=roles.time, public_domains=True
    ).contract
    contract = _for_the_demo(drafted)
    ordered = frame if contract.time is None else frame.sort_values(contract.time, kind="stable")
    cut = int(len(ordered) * SNAPSHOT_SHARE)
    snapshot, rest = ordered.iloc[:cut].reset_index(drop=True), ordered.iloc[cut:].reset_index(drop=True)
    stream, injected = _with_drift(snapshot, rest, contract)
    return _write(folder, contract, snapshot, stream, injected, data)


def _write(
    folder: Path, contract: Contract, snapshot: "pd.DataFrame", stream: "pd.DataFrame", injected: str | None, data: str
) -> Tale:
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "contract.yaml", folder / "snapshot.csv", folder / "stream.csv"
    files[0].write_text(write_contract(contract), encoding="utf-8")
    snapshot.to_csv(files[1], index=False)
    stream.to_csv(files[2], index=False)
    window = max(LEAST_ROWS, min(20_000, len(stream) // 2))
    return Tale(
        dataset=contract.dataset,
        contract=files[0],
        snapshot=files[1],
        stream=files[2],
        snapshot_rows=len(snapshot),
        stream_rows=len(stream),
        window_rows=window,
        injected=injected,
        about=f"{data}: the domains seen in it are taken as public knowledge, "
        "as `contract draft --public-domains` does; "
        "confirm that before you rely on an epsilon of your own",
    )


def _for_the_demo(contract: Contract) -> Contract:
    """Let the leaking control be asked for, and give the budget room for every attempt of the story."""
    policy = contract.policy
    regeneration = policy.regeneration.model_copy(update={"allow_control_families": True, "debounce_rows": 100})
    cap = str(10 * float(policy.privacy.epsilon))
    privacy = policy.privacy.model_copy(update={"cap_epsilon": cap.removesuffix(".0")})
    return contract.model_copy(
        update={"policy": policy.model_copy(update={"regeneration": regeneration, "privacy": privacy})}
    )


def _with_drift(
    snapshot: "pd.DataFrame", rest: "pd.DataFrame", contract: Contract
) -> "tuple[pd.DataFrame, str | None]":
    """The rest as it came where it drifts by itself; else followed by a real but different mix of its rows, and what
    was done.
    """
    if next(backtest(snapshot, rest, contract), None) is not None:
        return rest, None
    import pandas as pd

    column, favoured = _tilted(rest, contract)
    rows = min(INJECTED_ROWS, max(len(rest), 4 * LEAST_ROWS))
    weights = 0.02 + favoured.astype(float)
    mixed = rest.sample(n=rows, replace=True, weights=weights, random_state=0)
    if contract.time is not None:
        mixed[contract.time] = rest[contract.time].iloc[-1]
    return (
        pd.concat([rest, mixed], ignore_index=True),
        f"its rows show no drift, so {rows} more follow in which the rarer values of `{column}` are 50 times likelier",
    )


def _tilted(rest: "pd.DataFrame", contract: Contract) -> "tuple[str, npt.NDArray[np.bool_]]":
    """A column and a mask of rows to favour: the rarer values of the target, or of the first column that has some."""
    names = [column.name for column in contract.modelled]
    names.sort(key=lambda name: name != contract.policy.target)
    for name in names:
        column = rest[name]
        common = column.mode(dropna=True)
        if common.empty:
            continue
        favoured = (column != common.iloc[0]) & column.notna()
        if favoured.mean() > 0.02:
            return name, favoured.to_numpy(dtype=bool)
    raise InputError("no column of the file varies enough to show a drift with")


def _name(data: str) -> str:
    stem = "".join(
        letter if letter.isalnum() and letter.isascii() else "-" for letter in Path(data).stem.lower()
    ).strip("-")
    return (stem or "dataset")[:60]
