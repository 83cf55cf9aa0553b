"""AIM (McKenna et al. 2022) and MST (McKenna, Miklau and Sheldon 2021) on mbi's inference, from coded rows.

mbi is the library of the two papers' authors; the mechanisms' own scripts are not part of its package, so that the
selection is written here after the papers. The rows come as integer codes; the synthetic codes go to ``asked["out"]``.
"""

import itertools
import math
import os
import warnings
from typing import Any

from runner import Tables, main

BIAS = math.sqrt(2 / math.pi)
QUICK_TO_COMPILE = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
ONE_WAYS, SEEN_ROWS = 0.2, 50_000


def score(tables: Tables, asked: dict[str, Any]) -> dict[str, float]:
    """Writes as many synthetic rows as the model counts; says how many pair tables or more it measured."""
    warnings.simplefilter("ignore")
    os.environ.setdefault("XLA_FLAGS", QUICK_TO_COMPILE)
    import jax
    import numpy as np
    import pandas as pd
    from mbi import Dataset, Domain

    jax.config.update("jax_enable_compilation_cache", False)
    np.random.seed(int(asked["seed"]))
    codes, sizes = tables["train"], asked["sizes"]
    data = Dataset(
        {name: codes[name].to_numpy(dtype=np.int64) for name in sizes}, Domain(tuple(sizes), tuple(sizes.values()))
    )
    run = aim if asked["mechanism"] == "aim" else mst
    model, measured = run(data, float(asked["rho"]), np.random.default_rng(int(asked["seed"])), asked)
    pd.DataFrame(dict(model.synthetic_data().to_dict())).to_parquet(asked["out"], index=False)
    return {"measured": measured}


def aim(data: Any, rho: float, rng: Any, asked: dict[str, Any]) -> tuple[Any, int]:
    """All pairs as the workload; a fifth of the budget to one-ways, the rest in at most ``rounds`` rounds of which nine
    tenths measure. Noise is halved where a round told nothing. A round compiles its inference anew, which takes most of
    its time; the model's pairs are read from rows that it makes, since each projection would be compiled as well.
    """
    candidates = workload(data)
    answers = {clique: vector(data, clique) for clique in candidates}
    rounds, largest, iterations = int(asked["rounds"]), float(asked["megabytes"]), int(asked["iterations"])
    single = [clique for clique in candidates if len(clique) == 1]
    spent = ONE_WAYS * rho
    sigma, epsilon = math.sqrt(rounds / (1.8 * (rho - spent))), math.sqrt(0.8 * (rho - spent) / rounds)
    measurements = [measured(answers[one], one, math.sqrt(len(single) / (2 * spent)), rng) for one in single]
    model = fitted(data, measurements, iterations)
    last = False
    while not last:
        last = rho - spent < 2 * (0.5 / sigma**2 + epsilon**2 / 8)
        if last:
            sigma, epsilon = math.sqrt(1 / (1.8 * (rho - spent))), math.sqrt(0.8 * (rho - spent))
        spent += 0.5 / sigma**2 + epsilon**2 / 8
        allowed = small_enough(candidates, model, largest * spent / rho)
        made = model.synthetic_data(rows=SEEN_ROWS)
        scale = float(model.total) / SEEN_ROWS
        expected = {clique: vector(made, clique) * scale for clique in allowed}
        errors = {
            clique: weight * (abs(answers[clique] - expected[clique]).sum() - BIAS * sigma * answers[clique].size)
            for clique, weight in allowed.items()
        }
        chosen = exponential(errors, epsilon / max(allowed.values()), rng)
        measurements.append(measured(answers[chosen], chosen, sigma, rng))
        model = fitted(data, measurements, iterations, model)
        if abs(vector(model, chosen) - expected[chosen]).sum() <= BIAS * sigma * answers[chosen].size:
            sigma, epsilon = sigma / 2, epsilon * 2
    return fitted(data, measurements, 4 * iterations, model), len(measurements) - len(single)


def mst(data: Any, rho: float, rng: Any, asked: dict[str, Any]) -> tuple[Any, int]:
    """A third each to one-ways, to a spanning tree of pairs, and to measuring those."""
    sigma, names = math.sqrt(3 / (2 * rho)), list(data.domain.attributes)
    single = [(name,) for name in names]
    ones = [measured(vector(data, clique), clique, sigma * math.sqrt(len(names)), rng) for clique in single]
    model = fitted(data, ones, int(asked["iterations"]))
    errors = {pair: abs(vector(data, pair) - vector(model, pair)).sum() for pair in itertools.combinations(names, 2)}
    epsilon = math.sqrt(8 * rho / 3 / max(1, len(names) - 1))
    part = {name: name for name in names}
    tree: list[Any] = []
    while len(tree) < len(names) - 1:
        left, right = exponential(
            {pair: e for pair, e in errors.items() if part[pair[0]] != part[pair[1]]}, epsilon, rng
        )
        tree.append((left, right))
        part = {name: part[left] if home == part[right] else home for name, home in part.items()}
    twos = [measured(vector(data, pair), pair, sigma * math.sqrt(len(tree)), rng) for pair in tree]
    return fitted(data, ones + twos, 4 * int(asked["iterations"]), model), len(tree)


def workload(data: Any) -> dict[Any, float]:
    """One-ways and pairs with AIM's weights: in how many cells of the workload's cliques they overlap."""
    names = list(data.domain.attributes)
    pairs = list(itertools.combinations(names, 2))
    every = [(name,) for name in names] + pairs
    return {clique: float(sum(len(set(clique) & set(pair)) for pair in pairs)) for clique in every}


def small_enough(candidates: dict[Any, float], model: Any, megabytes: float) -> dict[Any, float]:
    from mbi import junction_tree

    held = [set(clique) for clique in model.cliques]
    return {
        clique: weight
        for clique, weight in candidates.items()
        if any(set(clique) <= one for one in held)
        or junction_tree.hypothetical_model_size(model.domain, [*model.cliques, clique]) <= megabytes
    }


def fitted(data: Any, measurements: list[Any], iterations: int, before: Any = None) -> Any:
    from mbi import estimation

    return estimation.MirrorDescent().estimate(data.domain, measurements, iters=iterations, warm_start=before)


def measured(answer: Any, clique: Any, sigma: float, rng: Any) -> Any:
    from mbi import LinearMeasurement

    return LinearMeasurement(answer + rng.normal(0, sigma, answer.size), clique, sigma)


def vector(source: Any, clique: Any) -> Any:
    import numpy as np

    return np.asarray(source.project(clique).datavector(), dtype=np.float64)


def exponential(scores: dict[Any, float], epsilon: float, rng: Any) -> Any:
    """The exponential mechanism at sensitivity 1, by Gumbel noise."""
    import numpy as np

    values = np.array(list(scores.values()))
    return list(scores)[int(np.argmax(epsilon * values / 2 + rng.gumbel(size=values.size)))]


if __name__ == "__main__":
    main(score)
