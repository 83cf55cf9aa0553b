"""A stream writes what was drawn, the same bytes for the same seed, and leaves no half file behind."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from generators.sampling.releasing import released
from generators.sampling.streaming import stream
from schemas.errors import InputError
from schemas.generation import Balance, FreeText, Generation, Share
from schemas.table import conform
from tests.unit.generators.sampling.invented import Invented, contract

TEXT = Generation(free_text=(FreeText(column="note", handling="template", template="Aged {age}, seen on {day}."),))


def read(path: Path) -> pd.DataFrame:
    if path.name.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path) if ".csv" in path.name else pd.read_json(path, lines=True)


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.csv.gz", "x.jsonl", "x.jsonl.gz"])
def test_every_format_holds_the_same_rows_and_repeats_its_bytes(name: str, tmp_path: Path) -> None:
    pinned = contract(TEXT, text=True, unique=True)
    for place, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / place).mkdir()
        done = stream(Invented(pinned), pinned, 1_001, seed, tmp_path / place / name, part=300)
        assert done.rows == 1_001
    first, again, other = ((tmp_path / place / name).read_bytes() for place in "abc")
    assert first == again != other
    table = read(tmp_path / "a" / name)
    assert list(table.columns) == [column.name for column in pinned.released]
    assert conform(table, pinned).violations == ()
    assert table["number"].is_unique
    assert [path.name for path in (tmp_path / "a").iterdir()] == [name]


def test_one_part_is_the_table_in_memory(tmp_path: Path) -> None:
    pinned = contract()
    stream(Invented(pinned), pinned, 500, 3, tmp_path / "x.parquet")
    table, report = released(Invented(pinned), pinned, 500, 3)
    assert report is None
    found = conform(pd.read_parquet(tmp_path / "x.parquet"), pinned).table
    pd.testing.assert_frame_equal(found, table)


def test_times_and_missing_cells_as_text(tmp_path: Path) -> None:
    pinned = contract(TEXT, text=True)
    stream(Invented(pinned), pinned, 200, 4, tmp_path / "x.jsonl.gz")
    lines = [json.loads(line) for line in gzip.decompress((tmp_path / "x.jsonl.gz").read_bytes()).splitlines()]
    assert len(lines) == 200
    assert all(line["day"].startswith("2020-") and len(line["day"]) == 10 for line in lines)
    assert any(line["spent"] is None for line in lines)
    assert lines[0]["note"] == f"Aged {lines[0]['age']}, seen on {lines[0]['day']}."


def test_a_run_s_share_is_exact_over_all_parts(tmp_path: Path) -> None:
    pinned = contract()
    done = stream(Invented(pinned), pinned, 999, 5, tmp_path / "x.csv", {"fraud": (1, 0.1)}, part=400)
    assert int((pd.read_csv(tmp_path / "x.csv")["fraud"] == 1).sum()) == 100
    assert done.sampling is not None


def test_a_stream_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    pinned = contract(Generation(balance=Balance(shares=(Share(column="race", value="zzz", share=0.5),))))
    (tmp_path / "x.csv").write_text("old")
    with pytest.raises(InputError):
        stream(Invented(pinned), pinned, 10, 1, tmp_path / "x.csv")
    with pytest.raises(InputError, match="name it"):
        stream(Invented(contract()), contract(), 10, 1, tmp_path / "x.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    assert (tmp_path / "x.csv").read_text() == "old"
