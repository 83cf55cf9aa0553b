"""Tables from anywhere: CSV, Parquet and JSON lines through fsspec URLs, whole or in blocks.

Nothing here decides on types for good: a contract does (``schemas.table.conform``). Errors name the place and what to
do, never a cell.
"""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from schemas.cells import MISSING_TOKENS
from schemas.errors import InputError, TransientError
from stream_app.adapters.csv_text import Dialect, dialect_of, encoding_of
from stream_app.adapters.date_text import date_formats, parse_dates

if TYPE_CHECKING:
    import pandas as pd

Format = Literal["csv", "parquet", "jsonl"]
MAX_BYTES = 2 * 1024**3
MAX_ROWS = 50_000_000
MAX_COLUMNS = 2_000
_PIECE = 1024**2
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zip", ".zst")
_DECIMAL_COMMA = re.compile(r"^-?\d+(,\d+)?$")


@dataclass(frozen=True, slots=True)
class Description:
    """What a source is, without any of its values."""

    uri: str
    format: Format
    bytes: int
    digest: str
    rows: int
    columns: tuple[str, ...]


def read_frame(uri: str, format: Format | None = None) -> "pd.DataFrame":
    """The whole table; text columns of dates become datetime64[us]. Raises ``InputError`` with what to do."""
    import pandas as pd

    frames = list(blocks(uri, MAX_ROWS, format))
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def blocks(uri: str, rows: int, format: Format | None = None) -> Iterator["pd.DataFrame"]:
    """The table in blocks of at most ``rows`` rows, at least one; date formats are fixed by the first."""
    kind = format or format_of(uri)
    formats: dict[str, str] | None = None
    seen = 0
    for block in _guarded(uri, lambda: _READERS[kind](uri, max(1, rows))):
        seen += len(block)
        _within_limits(uri, seen, block.shape[1])
        if kind != "parquet":
            formats = date_formats(block) if formats is None else formats
            block = parse_dates(block, formats)
        yield block.reset_index(drop=True)


def digest_of(uri: str) -> str:
    """SHA-256 of the stored bytes, read in pieces."""
    digest = hashlib.sha256()
    with _open(uri, compression=None) as stream:
        for piece in _pieces(stream):
            digest.update(piece)
    return digest.hexdigest()


def describe(uri: str, format: Format | None = None) -> Description:
    """Format, size, digest, rows and columns of a source; reads it twice."""
    kind = format or format_of(uri)
    rows = 0
    columns: tuple[str, ...] = ()
    for block in blocks(uri, 100_000, kind):
        rows, columns = rows + len(block), tuple(str(name) for name in block.columns)
    with _open(uri, compression=None) as stream:
        size = sum(len(piece) for piece in _pieces(stream))
    return Description(uri, kind, size, digest_of(uri), rows, columns)


def format_of(uri: str) -> Format:
    """By the name's ending, else by the first bytes."""
    path = PurePosixPath(_shown(uri))
    suffix = PurePosixPath(path.stem).suffix if path.suffix.lower() in _COMPRESSIONS else path.suffix
    if suffix.lower() in _SUFFIXES:
        return _SUFFIXES[suffix.lower()]
    with _open(uri) as stream:
        start = stream.read(64).lstrip()
    return "parquet" if start.startswith(b"PAR1") else "jsonl" if start.startswith((b"{", b"[")) else "csv"


def _open(uri: str, compression: str | None = "infer") -> IO[bytes]:
    """A binary stream; raises ``InputError`` or ``TransientError``, never what fsspec happens to raise."""
    import fsspec

    try:
        return cast("IO[bytes]", fsspec.open(uri, "rb", compression=compression).open())
    except ImportError as error:
        package = (re.findall(r"[Ii]nstall (?:`?pip install )?([\w-]+)", str(error)) or [uri.partition(":")[0]])[0]
        raise InputError(f"{_shown(uri)} needs the package {package}: install it with  pip install {package}") from None
    except FileNotFoundError:
        raise InputError(f"{_shown(uri)} does not exist") from None
    except (IsADirectoryError, PermissionError) as error:
        raise InputError(f"{_shown(uri)} cannot be read: {error.strerror or 'no access'}") from None
    except ValueError:
        raise InputError(
            f"{_shown(uri)} is no address that can be read: use a path, file://, memory:// or another fsspec URL"
        ) from None
    except OSError as error:
        raise TransientError(f"{_shown(uri)} cannot be reached: {type(error).__name__}") from None


def _shown(uri: str) -> str:
    """The address without user, password and query, which may hold secrets."""
    return re.sub(r"//[^/@]*@", "//", uri.partition("?")[0])


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    total = 0
    while piece := stream.read(_PIECE):
        total += len(piece)
        if total > MAX_BYTES:
            raise InputError(
                f"the file holds more than {MAX_BYTES // 1024**2} MiB: split it, or hand it over as Parquet in parts"
            )
        yield piece


def _within_limits(uri: str, rows: int, columns: int) -> None:
    if columns > MAX_COLUMNS:
        raise InputError(f"{_shown(uri)} has {columns} columns; at most {MAX_COLUMNS} are read")
    if rows > MAX_ROWS:
        raise InputError(f"{_shown(uri)} has more than {MAX_ROWS} rows: split it")


def _guarded(uri: str, reader: Callable[[], Iterator["pd.DataFrame"]]) -> Iterator["pd.DataFrame"]:
    """What a reader yields, with every parser's own exception turned into an ``InputError`` that quotes no content."""
    import pyarrow as pa

    try:
        yield from reader()
    except (
        ValueError,
        TypeError,
        EOFError,
        OSError,
        RecursionError,
        OverflowError,
        MemoryError,
        pa.ArrowException,
    ) as error:
        line = re.search(r"line (\d+)", str(error))
        place = f" (line {line.group(1)})" if line else ""
        raise InputError(f"{_shown(uri)} is damaged or not of the format its name says{place}") from None


def _csv(uri: str, rows: int) -> Iterator["pd.DataFrame"]:
    import pandas as pd

    with _open(uri) as stream:
        encoding = encoding_of(_pieces(stream))
    with _open(uri) as stream:
        dialect = dialect_of(stream.read(256 * 1024), encoding)
    with _open(uri) as stream:
        try:
            options: Any = dict.fromkeys(dialect.text_columns, "str")
            reader = pd.read_csv(
                stream,
                sep=dialect.delimiter,
                encoding=encoding,
                dtype=options,
                na_values=list(MISSING_TOKENS),
                keep_default_na=False,
                index_col=False,
                skipinitialspace=True,
                low_memory=False,
                chunksize=rows,
            )
        except pd.errors.EmptyDataError:
            raise InputError(f"{_shown(uri)} is empty: a header line with the columns' names is needed") from None
        yield from (_tidied(block, dialect) for block in reader)


def _tidied(block: "pd.DataFrame", dialect: Dialect) -> "pd.DataFrame":
    """Names without blanks around them, and decimal commas read as such where the delimiter leaves room for them."""
    import pandas as pd

    block.columns = pd.Index([str(name).strip() for name in block.columns])
    if dialect.delimiter == ",":
        return block
    for position in range(block.shape[1]):
        values = block.iloc[:, position].dropna()
        name = str(block.columns[position])
        if (
            name not in dialect.text_columns
            and values.dtype == object
            and len(values)
            and all(isinstance(cell, str) and _DECIMAL_COMMA.match(cell) for cell in values)
            and any("," in cell for cell in values)
        ):
            block = block.assign(**{name: block.iloc[:, position].str.replace(",", ".").astype("float64")})
    return block


def _parquet(uri: str, rows: int) -> Iterator["pd.DataFrame"]:
    import pyarrow.parquet as pq

    with _open(uri) as stream:
        file = pq.ParquetFile(stream)
        _within_limits(uri, file.metadata.num_rows, file.metadata.num_columns)
        names = [name for name in file.schema_arrow.names if not name.startswith("__index_level_")]
        if rows >= file.metadata.num_rows:
            yield file.read(columns=names).to_pandas(ignore_metadata=True)
        else:
            yield from (
                batch.to_pandas(ignore_metadata=True) for batch in file.iter_batches(batch_size=rows, columns=names)
            )


def _jsonl(uri: str, rows: int) -> Iterator["pd.DataFrame"]:
    import pandas as pd

    with _open(uri) as stream:
        text = io.TextIOWrapper(cast("Any", stream), encoding="utf-8-sig")
        records: list[dict[str, Any]] = []
        empty = True
        for record in _records(text):
            records.append(record)
            if len(records) == rows:
                yield pd.DataFrame.from_records(records)
                records, empty = [], False
        if records or empty:
            yield pd.DataFrame.from_records(records)


def _records(text: "io.TextIOWrapper") -> Iterator[dict[str, Any]]:
    """One object a line; a file that is one JSON list is understood too."""
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            if number == 1 and line.lstrip().startswith("["):
                items = json.loads(line + text.read(MAX_BYTES), parse_constant=lambda _: None)
            else:
                items = [json.loads(line, parse_constant=lambda _: None)]
        except ValueError:
            raise ValueError(f"line {number}") from None
        if not all(isinstance(item, dict) for item in items):
            raise ValueError(f"line {number}")
        yield from items


_READERS: dict[Format, Callable[[str, int], Iterator["pd.DataFrame"]]] = {
    "csv": _csv,
    "parquet": _parquet,
    "jsonl": _jsonl,
}
