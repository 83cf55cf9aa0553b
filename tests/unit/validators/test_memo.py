import pandas as pd

from validators.memo import Memo


def test_a_result_is_worked_out_once_for_the_same_tables_and_anew_for_equal_ones() -> None:
    memo, table, calls = Memo(), pd.DataFrame({"x": [1]}), []

    def count() -> int:
        calls.append(1)
        return len(calls)

    assert memo.of("n", (table,), count) == memo.of("n", (table,), count) == 1
    assert memo.of("n", (table.copy(),), count) == 2
    assert memo.of("other", (table,), count) == 3


def test_what_is_forgotten_is_worked_out_again_and_the_rest_is_kept() -> None:
    memo, real, fake = Memo(), pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [2]})
    assert memo.of("r", (real,), lambda: "kept") == "kept"
    assert memo.of("f", (real, fake), lambda: "first") == "first"
    memo.forget(fake)
    assert memo.of("f", (real, fake), lambda: "second") == "second"
    assert memo.of("r", (real,), lambda: "lost") == "kept"
