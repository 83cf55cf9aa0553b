"""The detector of a backtest is chosen by name, and a name that there is not is refused."""

from pathlib import Path

import pandas as pd
import pytest

from tests.unit.stream_app.cli.conftest import Perennial
from tests.unit.stream_app.cli.test_libraries import shoppers


@pytest.fixture
def files(perennial: Perennial, tmp_path: Path) -> tuple[str | Path, ...]:
    real, stream, contract = (tmp_path / name for name in ("real.csv", "stream.csv", "contract.yaml"))
    shoppers(4_000, 1).to_csv(real, index=False)
    pd.concat([shoppers(2_000, 5), shoppers(4_000, 6, shift=0.4)]).to_csv(stream, index=False)
    assert perennial("contract", "draft", real, "--dataset", "shoppers", "--out", contract).code == 0
    return ("drift", "backtest", "--reference", real, "--stream", stream, "--contract", contract, "--json")


@pytest.mark.parametrize("detector", ["cusum", "page_hinkley", "adwin"])
def test_each_detector_can_be_tried(perennial: Perennial, files: tuple[str | Path, ...], detector: str) -> None:
    found = perennial(*files, "--detector", detector).documents
    assert found[0]["row"] > 2_000
    assert "city" in found[0]["columns"]
    assert (found[0]["threshold"] == 1) == (detector != "cusum")


def test_an_unknown_detector_is_an_error(perennial: Perennial, files: tuple[str | Path, ...]) -> None:
    said = perennial(*files, "--detector", "kswin")
    assert said.code == 2
    assert "page_hinkley" in said.err
