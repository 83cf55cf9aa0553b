"""The same story on the user's own file: a drafted contract, the first part as the snapshot, the rest as the stream."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from schemas.contract import Contract
from schemas.draft import draft
from schemas.errors import InputError
from schemas.odcs import write_contract
from stream_app.adapters.sources import read_frame
from stream_app.core.drift.backtest import backtest
from stream_app.demo.tale import Tale

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

SNAPSHOT_SHARE = 0.5
LEAST_ROWS = 1_000
THINNED = 4
NOISE_ROWS = 20_000
"""Rows times epsilon that keep the noise of counts small beside the counts."""
EPSILONS = (1, 2, 4)


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
        raise InputError(
            f"{data} has {len(frame)} rows; with fewer than {LEAST_ROWS} no gate could tell a leak from chance"
        )
    for name in (roles.target, roles.time, roles.entity):
        if name is not None and name not in frame.columns:
            raise InputError(f"{data} has no column {name}; it has {', '.join(map(str, frame.columns))}")
    drafted = draft(
        frame, _name(data), target=roles.target, entity=roles.entity, time=roles.time, public_domains=True
    ).contract
    contract = _for_the_demo(drafted, int(len(frame) * SNAPSHOT_SHARE * drafted.policy.split.train))
    ordered = frame if contract.time is None else frame.sort_values(contract.time, kind="stable")
    cut = int(len(ordered) * SNAPSHOT_SHARE)
    snapshot, rest = ordered.iloc[:cut].reset_index(drop=True), ordered.iloc[cut:].reset_index(drop=True)
    stream, injected, moved = _with_drift(snapshot, rest, contract)
    return _write(folder, contract, snapshot, stream, injected, min(20_000, int(0.9 * moved)), data)


def _write(
    folder: Path,
    contract: Contract,
    snapshot: "pd.DataFrame",
    stream: "pd.DataFrame",
    injected: str | None,
    window: int,
    data: str,
) -> Tale:
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "contract.yaml", folder / "snapshot.csv", folder / "stream.csv"
    files[0].write_text(write_contract(contract), encoding="utf-8")
    snapshot.to_csv(files[1], index=False)
    stream.to_csv(files[2], index=False)
    return Tale(
        dataset=contract.dataset,
        contract=files[0],
        snapshot=files[1],
        stream=files[2],
        snapshot_rows=len(snapshot),
        stream_rows=len(stream),
        window_rows=max(100, window),
        injected=injected,
        about=f"{data}: the domains seen in it are taken as public knowledge, "
        "as `contract draft --public-domains` does; "
        "confirm that before you rely on an epsilon of your own",
    )


def _for_the_demo(contract: Contract, rows: int) -> Contract:
    """Let the leaking control be asked for, spend more where rows are few, leave budget for every attempt."""
    policy = contract.policy
    epsilon = next(step for step in EPSILONS if rows * step >= NOISE_ROWS or step == EPSILONS[-1])
    regeneration = policy.regeneration.model_copy(update={"allow_control_families": True, "debounce_rows": 100})
    privacy = policy.privacy.model_copy(update={"epsilon": str(epsilon), "cap_epsilon": str(8 * epsilon)})
    return contract.model_copy(
        update={"policy": policy.model_copy(update={"regeneration": regeneration, "privacy": privacy})}
    )


def _with_drift(
    snapshot: "pd.DataFrame", rest: "pd.DataFrame", contract: Contract
) -> "tuple[pd.DataFrame, str | None, int]":
    """The rest as it came where it drifts by itself; else followed by a real but different mix of the file's rows, with
    what was done. And how many rows are of the new kind.
    """
    if next(backtest(snapshot, rest, contract), None) is not None:
        return rest, None, len(rest) // 2
    import pandas as pd

    everything = pd.concat([snapshot, rest], ignore_index=True)
    column, favoured = _tilted(everything, contract)
    # Thinned, not drawn again: a row that came twice would look like a leak.
    thinned = everything[favoured | (np.arange(len(everything)) % THINNED == 0)]
    if contract.time is not None:
        thinned = thinned.assign(**{contract.time: rest[contract.time].iloc[-1]})
    done = f"its rows show no drift, so {len(thinned)} come again, what is common in `{column}` thinned out"
    return pd.concat([rest, thinned], ignore_index=True), done, len(thinned)


def _tilted(table: "pd.DataFrame", contract: Contract) -> "tuple[str, npt.NDArray[np.bool_]]":
    """A column and a mask of rows to favour: all but the commonest value of the target, or of the first column that
    has one; the upper half of a continuous one.
    """
    names = sorted((column.name for column in contract.modelled), key=lambda name: name != contract.policy.target)
    for name in names:
        column = table[name]
        common = column.mode(dropna=True)
        if common.empty:
            continue
        favoured = (column != common.iloc[0]) & column.notna()
        if favoured.mean() > 0.98 and column.dtype.kind in "if":
            favoured = column > column.median()
        if 0.02 < favoured.mean() < 0.98:
            return name, favoured.to_numpy(dtype=bool)
    raise InputError("no column of the file varies enough to show a drift with")


def _name(data: str) -> str:
    stem = "".join(
        letter if letter.isalnum() and letter.isascii() else "-" for letter in Path(data).stem.lower()
    ).strip("-")
    return (stem or "dataset")[:60]
