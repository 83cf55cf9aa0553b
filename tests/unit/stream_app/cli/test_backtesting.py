"""`perennial contract backtest`: text, JSON, pictures, exit codes, and what is refused in one line."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from schemas.odcs import write_contract
from tests.unit.stream_app.backtest.histories import CHANGE, contract, rows
from tests.unit.stream_app.cli.conftest import Perennial, Said

Files = tuple[Path, Path]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    data, agreed = tmp_path / "history.parquet", tmp_path / "contract.yaml"
    rows(5_500).to_parquet(data, index=False)
    agreed.write_text(write_contract(contract()), encoding="utf-8")
    return data, agreed


def call(perennial: Perennial, files: Files, *more: str | Path) -> Said:
    return perennial(
        "contract", "backtest", "--data", files[0], "--contract", files[1], "--window-rows", "1000",
        "--reference-rows", "2000", *more,
    )  # fmt: skip


def test_a_table_and_a_picture(perennial: Perennial, files: Files, tmp_path: Path) -> None:
    said = call(perennial, files, "--plot", tmp_path / "b.svg", "--change", "2026-01-05T20:40", "--shuffle")
    assert said.code == 0, said.err
    assert f"row {CHANGE}: found after " in said.out
    assert "0 found in the same rows at random order (seed 0), with 0 runs and epsilon 1 in all" in said.out
    assert "regenerations" in said.out
    assert "100%" in said.err
    drawn = (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert "drift score" in drawn
    assert "epsilon" in drawn


def test_json_has_everything_and_a_png_is_one(perennial: Perennial, files: Files, tmp_path: Path) -> None:
    said = call(perennial, files, "--json", "--plot", tmp_path / "b.png")
    document: dict[str, Any] = said.document
    assert [each["cause"] for each in document["runs"]] == ["snapshot", "drift"]
    assert document["budget"]["grants"][-1]["epsilon_after"] == document["budget"]["epsilon"]
    assert "stationary" not in document
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


def test_a_budget_that_runs_out_is_a_no(perennial: Perennial, files: Files) -> None:
    files[1].write_text(write_contract(contract(cap_epsilon="1.2")), encoding="utf-8")
    said = call(perennial, files, "--json")
    assert said.code == 1
    assert said.document["budget"]["refusals"] == 1
    assert "the budget refused a run at 2026-01-" in said.err


def test_an_assumed_clock_is_said(perennial: Perennial, files: Files) -> None:
    files[1].write_text(write_contract(contract(timed=False)), encoding="utf-8")
    said = call(perennial, files, "--rows-per-day", "1000", "--change", str(CHANGE))
    assert said.code == 0
    assert "1000 a day" in said.err
    assert "day 5.5" in said.out


def refused(said: Said, words: str) -> None:
    assert said.code == 2
    assert words in said.err
    assert "Traceback" not in said.err


def test_what_is_no_history_is_refused_in_a_line(perennial: Perennial, files: Files, tmp_path: Path) -> None:
    whole = rows(1_000)
    whole[:400].to_parquet(files[0])
    refused(perennial("contract", "backtest", "--data", files[0], "--contract", files[1]), "the history has 400 rows")
    whole[:0].to_parquet(files[0])
    refused(call(perennial, files), "the history has 0 rows")
    whole.drop(columns="kind").to_parquet(files[0])
    refused(call(perennial, files), "lacks columns of the contract: kind")
    files[0].write_bytes(b"no parquet at all")
    refused(call(perennial, files), "damaged or not of the format its name says")
    files[0].unlink()
    refused(call(perennial, files), "does not exist")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--plot", "b.pdf", "ends in .svg or .png"),
        ("--plot", "none/b.svg", "does not exist"),
        ("--change", "soon", "--change wants a row of the history"),
        ("--change", "10", "is not within the rows that stream in"),
        ("--change", "9" * 30, "is not within the rows that stream in"),
        ("--change", "2036-01-01", "is not within the rows that stream in"),
        ("--reject-rate", "1.5", "Usage: perennial contract backtest"),
        ("--reference-rows", "20", "Usage: perennial contract backtest"),
        ("--label-delay", "20", "does not say that labels come late"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(
    perennial: Perennial, files: Files, option: str, value: str, words: str
) -> None:
    refused(call(perennial, files, option, value), words)


def test_without_matplotlib_a_picture_is_refused_before_anything_is_replayed(
    perennial: Perennial, files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "matplotlib" else found(name, *more)
    )
    said = call(perennial, files, "--plot", tmp_path / "b.svg")
    refused(said, "perennial[report]")
    assert "%" not in said.err
