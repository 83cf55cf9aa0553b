"""Synthetic rows by TabularARGN (mostlyai-engine) at its defaults, on one core."""

from pathlib import Path
from typing import Any

from runner import Tables, main


def score(tables: Tables, asked: dict[str, Any]) -> dict[str, float]:
    """Writes as many synthetic rows as there are training rows; says how long fitting alone took, in CPU seconds."""
    import time

    import torch
    from mostlyai.engine import TabularARGN

    torch.set_num_threads(1)
    private = {"max_epsilon": float(asked["epsilon"]), "delta": 1e-5} if asked.get("epsilon") else None
    model = TabularARGN(
        max_epochs=asked.get("epochs") or 100.0,
        differential_privacy=private,
        device="cpu",
        random_state=int(asked["seed"]),
        workspace_dir=Path.cwd() / "argn",
        verbose=0,
    )
    began = time.process_time()
    model.fit(tables["train"])
    fitted = time.process_time() - began
    model.sample(n_samples=len(tables["train"])).to_parquet(asked["out"], index=False)
    return {"fit_cpu_seconds": fitted}


if __name__ == "__main__":
    main(score)
