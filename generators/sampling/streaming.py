"""A release written to a file while it is drawn: Parquet, CSV or JSON lines, in parts, in memory of one part.

The same model, seed and number of rows give the same bytes. A file that was not finished is removed.
"""

import contextlib
import gzip
import io
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from generators.protocol import FittedModel, Progress, silent
from generators.sampling.releasing import PART, Releasing, Where
from schemas.contract import Column, Contract, Range
from schemas.errors import InputError
from schemas.sampling import SamplingReport
from schemas.table import to_arrow

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Format = Literal["parquet", "csv", "jsonl"]
Write = Callable[["pd.DataFrame"], None]
_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_ARROW = {"integer": "int64", "number": "double", "string": "string", "boolean": "bool"}


@dataclass(frozen=True, slots=True)
class Streamed:
    """How many rows were written, and what was done to them."""

    rows: int
    sampling: SamplingReport | None


def format_of(path: Path) -> tuple[Format, bool]:
    """The format that a file's name tells, and whether it is compressed by gzip; raises ``InputError``."""
    zipped = path.suffix == ".gz"
    suffix = Path(path.stem).suffix if zipped else path.suffix
    found = _SUFFIXES.get(suffix.lower())
    if found is None or (zipped and found == "parquet"):
        raise InputError(f"cannot tell the format of {path.name}: name it .parquet, .csv, .jsonl, .csv.gz or .jsonl.gz")
    return found, zipped


def check_path(path: Path) -> None:
    """Raises ``InputError`` where no stream could be written there: better before a fit than after."""
    format_of(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: the folder {path.parent} does not exist")


def stream(
    model: FittedModel,
    contract: Contract,
    rows: int,
    seed: int,
    path: Path,
    where: Where | None = None,
    part: int = PART,
    progress: Progress = silent,
) -> Streamed:
    """Draw ``rows`` rows into the file, ``part`` at a time; raises ``InputError`` as drawing does."""
    kind, zipped = format_of(path)
    releasing = Releasing(model, contract, rows, seed, where, part, progress)
    written = 0
    with _replacing(path) as raw, _WRITERS[kind](contract, raw, zipped) as write:
        for table in releasing.parts():
            write(table)
            written += len(table)
    return Streamed(written, releasing.report())


@contextmanager
def _replacing(path: Path) -> Iterator[io.BufferedWriter]:
    """A file beside the wished one, which takes its place when all is written."""
    check_path(path)
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as raw:
            yield raw
        os.replace(beside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()


@contextmanager
def _parquet(contract: Contract, raw: io.BufferedWriter, _: bool) -> Iterator[Write]:
    import pyarrow.parquet as pq

    settings = {"compression": "zstd", "compression_level": 3, "version": "2.6", "data_page_version": "1.0"}
    with pq.ParquetWriter(raw, _schema(contract), store_schema=False, **settings) as writer:
        yield lambda table: writer.write_table(to_arrow(table), row_group_size=65_536)


@contextmanager
def _csv(contract: Contract, raw: io.BufferedWriter, zipped: bool) -> Iterator[Write]:
    import pyarrow.csv as arrow_csv

    with _zipped(raw, zipped) as sink:
        with arrow_csv.CSVWriter(sink, _text_schema(contract)) as writer:
            yield lambda table: writer.write_table(_with_days(to_arrow(table), contract))


@contextmanager
def _jsonl(contract: Contract, raw: io.BufferedWriter, zipped: bool) -> Iterator[Write]:
    forms = {column.name: _time_form(column) for column in contract.released if column.type in ("date", "timestamp")}

    def write(table: "pd.DataFrame") -> None:
        plain = table.copy()
        for name, form in forms.items():
            plain[name] = plain[name].dt.strftime(form)
        text = plain.to_json(orient="records", lines=True, force_ascii=False, double_precision=15)
        sink.write((text if text.endswith("\n") else text + "\n").encode())

    with _zipped(raw, zipped) as sink:
        yield write


def _time_form(column: Column) -> str:
    """ISO 8601: a day, or a time with fractions of a second only where the domain has them."""
    if column.type == "date":
        return "%Y-%m-%d"
    domain = column.domain
    whole = isinstance(domain, Range) and domain.resolution % 1 == 0 and domain.lower % 1 == 0
    return "%Y-%m-%dT%H:%M:%S" if whole else "%Y-%m-%dT%H:%M:%S.%f"


@contextmanager
def _zipped(raw: io.BufferedWriter, zipped: bool) -> Iterator[io.BufferedIOBase]:
    """No name and no time go into a gzip header: the same rows give the same bytes."""
    if not zipped:
        yield raw
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=5) as sink:
        yield sink


def _schema(contract: Contract) -> "pa.Schema":
    """Arrow types as ``schemas.table.to_arrow`` gives them."""
    import pyarrow as pa

    return pa.schema([(column.name, _type(column)) for column in contract.released])


def _type(column: Column) -> "pa.DataType":
    import pyarrow as pa

    return pa.timestamp("us") if column.type in ("date", "timestamp") else pa.type_for_alias(_ARROW[column.type])


def _text_schema(contract: Contract) -> "pa.Schema":
    """As the Parquet one, but days without an hour."""
    import pyarrow as pa

    types = [(column.name, pa.date32() if column.type == "date" else _type(column)) for column in contract.released]
    return pa.schema(types)


def _with_days(table: "pa.Table", contract: Contract) -> "pa.Table":
    return table.cast(_text_schema(contract))


_WRITERS: dict[Format, Callable[[Contract, io.BufferedWriter, bool], AbstractContextManager[Write]]] = {
    "parquet": _parquet,
    "csv": _csv,
    "jsonl": _jsonl,
}
