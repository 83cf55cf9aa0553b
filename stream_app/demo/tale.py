"""What the demo is told about: a dataset cut into a snapshot and the rows that come after it, and its contract."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tale:
    """Files on disk, in time order. ``injected`` says what was changed in the stream where it shows no drift."""

    dataset: str
    contract: Path
    snapshot: Path
    stream: Path
    snapshot_rows: int
    stream_rows: int
    window_rows: int
    about: str
    span: tuple[str, str] | None = None
    injected: str | None = None
