"""Scores of syntheval: the quicker metrics of its full preset, by its own normalisation, where 1 is best."""

import contextlib
import io
from typing import Any

from runner import Tables, main

METRICS: dict[str, dict[str, Any]] = {
    "dwm": {},
    "cio": {"ci": "std", "confidence": 95},
    "corr_diff": {"mixed_corr": True},
    # 100 permutations in place of 1,000: only the share of significant tests rests on them.
    "ks_test": {"sig_lvl": 0.05, "n_perms": 100},
    "h_dist": {},
    "p_mse": {"k_folds": 5, "max_iter": 100, "solver": "liblinear"},
    "q_mse": {"num_quants": 10, "cat_mse": False},
    "nndr": {},
    "auroc_diff": {"model": "log_reg", "num_boots": 1},
    "dcr": {},
    "hit_rate": {"thres_percent": 0.0333},
    "eps_risk": {},
    "mia": {"num_eval_iter": 5},
}
MISSING = "(missing)"


def score(tables: Tables, asked: dict[str, Any]) -> dict[str, float]:
    """Missing text becomes a category, times become seconds; rows that still miss a number are dropped.

    It accepts no missing cell otherwise. Columns it does not know are its own to refuse.
    """
    import numpy as np
    from syntheval import SynthEval

    np.random.seed(1)
    ready = {name: prepared(table, asked) for name, table in tables.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = SynthEval(
            ready["train"],
            holdout_dataframe=ready["holdout"],
            cat_cols=list(asked["categorical"]),
            missing_directive="drop",
            verbose=False,
            console="off",
            enable_plots=False,
            show_warnings=False,
        )
        results = evaluator.evaluate(ready["synthetic"], analysis_target=asked.get("target"), **METRICS)
    if results is None:
        raise SystemExit("none of its metrics could be computed")
    return dict(zip(results["metric"].astype(str), results["n_val"].astype(float), strict=True))


def prepared(table: Any, asked: dict[str, Any]) -> Any:
    ready = table.drop(columns=[name for name in asked.get("keys", ()) if name in table])
    for name in ready.columns:
        if ready[name].dtype.kind == "M":
            seconds = ready[name].astype("datetime64[us]").astype("int64") / 1e6
            ready[name] = seconds.mask(ready[name].isna())
        elif name in asked["categorical"]:
            ready[name] = ready[name].astype(object).where(ready[name].notna(), MISSING).astype(str)
    return ready


if __name__ == "__main__":
    main(score)
