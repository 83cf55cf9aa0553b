"""What compiled loops are told of an array is true, or refused."""

import ctypes

import numpy as np
import pytest

from schemas.compiled_addresses import address
from schemas.contiguous import contiguous


def test_an_array_that_fits_is_the_same_array() -> None:
    values = np.arange(5.0)
    assert contiguous(values, np.float64) is values


@pytest.mark.parametrize(
    "values", [np.arange(10.0)[::2], np.arange(5, dtype=np.float32), np.frombuffer(b"\0" * 41, "u1")[1:].view("<f8")]
)
def test_any_other_is_copied_in_one_piece(values: np.ndarray) -> None:
    found = contiguous(values, np.float64)
    assert found.flags.c_contiguous
    assert found.flags.aligned
    assert found.dtype == np.float64
    assert found.tolist() == values.tolist()


def test_an_address_is_that_of_the_first_cell() -> None:
    values = np.arange(3.0, 9.0)
    assert ctypes.c_double.from_address(address(values, 6)).value == 3.0


@pytest.mark.parametrize("cells", [5, 7, 0])
def test_no_address_is_given_of_other_than_so_many_cells(cells: int) -> None:
    with pytest.raises(ValueError, match=f"not {cells} cells"):
        address(np.arange(6.0), cells)
