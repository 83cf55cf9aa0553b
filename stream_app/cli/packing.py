"""`perennial source pack`: how topics that other teams write become live rows."""

import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import InputError
from stream_app.cli.connect import (
    BootstrapOption,
    HomeOption,
    broker_settings,
    contract_in_force,
    read_contract_file,
)
from stream_app.cli.output import JsonFlag, emit, say

if TYPE_CHECKING:
    from schemas.contract import Contract
    from stream_app.adapters.packer import Packed
    from stream_app.settings import Settings

sources = typer.Typer(help="Topics of single rows that other teams write.", no_args_is_help=True)


@sources.callback()
def _group() -> None:
    """Keeps `pack` a command of its own while the group has no other."""


@sources.command()
def pack(
    topic: Annotated[str, typer.Option(help="The topic: one JSON row, or one change event, a message.")],
    dataset: Annotated[str, typer.Option(help="The dataset that the rows belong to.")],
    debezium: Annotated[bool, typer.Option("--debezium", help="The messages are Debezium's change events.")] = False,
    contract: Annotated[
        Path | None, typer.Option(help="Contract that rows must fit; default: the one in force, if there is one.")
    ] = None,
    block_rows: Annotated[int, typer.Option(help="Rows per block.", min=1, max=20_000)] = 5_200,
    linger: Annotated[float, typer.Option(help="Seconds that a row waits for its block to fill.", min=0, max=60)] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="End where the topic ends now.")] = False,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Pack a topic of single rows into blocks of live rows, each row once, until stopped."""
    settings = broker_settings(bootstrap, home)
    agreed = _agreed(contract, dataset, settings)
    started, used = time.monotonic(), time.process_time()
    packed = _run(
        settings, agreed, debezium, once, topic=topic, dataset=dataset, block_rows=block_rows, linger_s=linger
    )
    cpu = time.process_time() - used
    summary = {
        "messages": packed.messages,
        "rows": packed.rows,
        "deletes": packed.deletes,
        "blocks": packed.blocks,
        "bad_rows": packed.bad,
        "seconds": round(time.monotonic() - started, 3),
        "cpu_us_per_row": round(1e6 * cpu / packed.rows, 3) if packed.rows else None,
    }
    emit(summary, as_json, f"{packed.rows} rows in {packed.blocks} blocks, {packed.bad} bad rows set aside")


def _run(settings: "Settings", contract: "Contract | None", debezium: bool, once: bool, **packing: Any) -> "Packed":
    from stream_app.adapters.origins import RECORDS
    from stream_app.adapters.packer import Packer, Packing
    from stream_app.adapters.packing import reader_of, route_of
    from stream_app.adapters.publisher import Publisher
    from stream_app.adapters.reader import partitions_of
    from stream_app.adapters.workplace import Workplace

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    partitions = len(partitions_of(settings.bootstrap, RECORDS))
    if not partitions:
        raise InputError(f"there is no topic {RECORDS}: make it with `perennial topics apply`")
    entity = contract is not None and contract.policy.privacy.unit.column is not None
    secret = Workplace(settings.home, settings.store_uri).secret("entities") if entity else b""
    with Publisher(settings.bootstrap, "/packer") as publisher:
        packer = Packer(
            settings.bootstrap,
            Packing(**packing),
            reader_of(contract, debezium),
            route_of(contract, secret, partitions),
            publisher,
        )
        return packer.run(stop, once, _Told())


class _Told:
    """Says on stderr how far it is, once a second while something moves."""

    def __init__(self) -> None:
        self._at, self._rows = time.monotonic(), 0

    def __call__(self, packed: "Packed") -> None:
        if time.monotonic() - self._at > 1 and packed.messages != self._rows:
            self._at, self._rows = time.monotonic(), packed.messages
            say(f"{packed.messages} messages, {packed.rows} rows, {packed.bad} bad")


def _agreed(file: Path | None, dataset: str, settings: "Settings") -> "Contract | None":
    """The contract in the file, else the newest in force; raises ``InputError`` where it is another dataset's."""
    found = read_contract_file(file) if file is not None else contract_in_force(dataset, settings.bootstrap)
    if found is None:
        say(f"no contract of {dataset} is in force: columns are taken as they come")
    elif found.dataset != dataset:
        raise InputError(f"the contract is one of {found.dataset}, not of {dataset}")
    return found
