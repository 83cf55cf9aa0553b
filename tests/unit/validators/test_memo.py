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


def test_what_rests_on_a_candidate_is_dropped_and_the_real_side_is_kept_with_what_derives_from_it() -> None:
    memo, real, fake = Memo(), pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [2]})
    half, _ = memo.of("halves", (real,), lambda: (real.copy(), real.copy()))
    assert memo.of("r", (half,), lambda: "kept") == "kept"
    assert memo.of("f", (real, fake), lambda: "first") == "first"
    memo.keep_only((real,))
    assert memo.of("f", (real, fake), lambda: "second") == "second"
    assert memo.of("r", (half,), lambda: "lost") == "kept"
