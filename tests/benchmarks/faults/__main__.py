"""Judge every planted fault here and by the peers, and write the page (``make bench-faults``)."""

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

from tests.benchmarks.faults.bases import ADULT, BASES, FRAUD, base, private_release, second_fresh
from tests.benchmarks.faults.corpus import CORPUS
from tests.benchmarks.faults.judge import judge, judge_fault, unmeasured
from tests.benchmarks.faults.opinions import noticed, opinion, peers
from tests.benchmarks.faults.page import Row, page
from tests.benchmarks.faults.scene import Fault, Scene

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "bench-results"
PAGE = ROOT / "deploy" / "docs" / "planted-faults.md"


def main() -> int:
    """0 where every fault is caught and no fresh table is refused by a metric of the corpus, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours-only", action="store_true", help="do not ask the peers; the page is not written")
    parser.add_argument("--only", action="append", metavar="NAME", help="these faults alone; the page is not written")
    parser.add_argument("--base", choices=[*BASES], action="append", help="faults of these bases alone, as --only")
    parser.add_argument("--jobs", type=int, default=1, help="peers asked at the same time")
    parser.add_argument("--remembered", action="store_true", help="only what peers said before; nobody is asked anew")
    asked = parser.parse_args()
    if not (ADULT.is_file() and FRAUD.is_file()):
        print("the data that faults are planted in are not here", file=sys.stderr)
        return 2
    chosen = [
        fault for fault in CORPUS
        if (not asked.only or fault.name in asked.only) and (not asked.base or fault.base in asked.base)
    ]  # fmt: skip
    if not chosen:
        parser.error(f"no such fault; known are {', '.join(fault.name for fault in CORPUS)}")
    scenes, bases = _bases(sorted({fault.base for fault in chosen}))
    faults = []
    for number, fault in enumerate(chosen, 1):
        scene, row = _fault(fault)
        _say(f"{number}/{len(chosen)} {row.name}: {row.judgement.verdict} {row.judgement.seconds:.1f} s, "
             f"{'caught by ' + ', '.join(row.caught) if row.caught else 'NOT CAUGHT'}")  # fmt: skip
        scenes.append(scene)
        faults.append(row)
    if not asked.ours_only:
        answered = _answered([*bases, *faults], scenes, asked.jobs, asked.remembered)
        bases, faults = answered[: len(bases)], answered[len(bases) :]
    return _written(bases, faults, whole=not (asked.only or asked.base or asked.ours_only))


def _bases(names: list[str]) -> tuple[list[Scene | None], list[Row]]:
    scenes: list[Scene | None] = []
    rows = []
    for name in names:
        made = {"fresh": base(name), "fresh, another sample": second_fresh(base(name))}
        if name == "adult":
            made["private release"] = private_release(base(name))
        for label, scene in made.items():
            scenes.append(scene)
            rows.append(Row(label, _MEANING[label], name, judge(scene)))
            _say(f"{name}, {label}: {rows[-1].judgement.verdict} {rows[-1].judgement.seconds:.1f} s, refused by "
                 f"{', '.join(rows[-1].judgement.refused) or 'nothing'}, insufficient: "
                 f"{', '.join(rows[-1].judgement.insufficient) or 'nothing'}")  # fmt: skip
    return scenes, rows


_MEANING = {
    "fresh": "fresh real rows, in which the faults are planted",
    "fresh, another sample": "other fresh real rows, to see how scores move by chance",
    "private release": "`dp-marginals` fitted to train at epsilon 1",
}


def _fault(fault: Fault) -> tuple[Scene | None, Row]:
    scene, judgement = judge_fault(fault)
    row = Row(fault.name, fault.simulates, fault.base, judgement, fault.metrics, judgement.caught(fault))
    if unmeasured(fault):
        _say(f"{fault.name}: none of its metrics exists: {', '.join(fault.metrics)}")
    return scene, row


def _answered(rows: list[Row], scenes: list[Scene | None], jobs: int, remembered: bool) -> list[Row]:
    """The peers' answers; where a contract was refused the files are those of the base."""
    given = [base(row.base) if scene is None else scene for row, scene in zip(rows, scenes, strict=True)]
    started, done = time.perf_counter(), [0]

    def one(row: Row, scene: Scene) -> Row:
        said = {peer.name: opinion(peer, scene, RESULTS / "peers", remembered) for peer in peers()}
        answers = {name: answer for name, answer in said.items() if answer is not None}
        done[0] += 1
        missing = [f"{name}: {answer.reason}" for name, answer in answers.items() if answer.reason]
        _say(f"peers {done[0]}/{len(rows)} {row.name} {time.perf_counter() - started:.0f} s {'; '.join(missing)}")
        return replace(row, answers=answers)

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, rows, given))


def _written(bases: list[Row], faults: list[Row], whole: bool) -> int:
    RESULTS.mkdir(exist_ok=True)
    uncaught = [row.name for row in faults if not row.caught]
    refused = {f"{row.base}, {row.name}": found for row in bases
               if row.name.startswith("fresh") and (found := _watched(row, faults))}  # fmt: skip
    document = {"faults": len(faults), "uncaught": uncaught, "fresh_refused": refused,
                "bases": [asdict(row) for row in bases],
                "rows": [asdict(row) | {"noticed": _noticed(row, bases)} for row in faults]}  # fmt: skip
    target = RESULTS / ("faults.json" if whole else "faults-part.json")
    target.write_text(json.dumps(document, indent=1))
    if whole:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(bases, faults))
    print(json.dumps({"faults": len(faults), "caught": len(faults) - len(uncaught), "uncaught": uncaught,
                      "fresh_refused": refused, "json": str(target.relative_to(ROOT))}))  # fmt: skip
    return 1 if uncaught or refused else 0


def _watched(base_row: Row, faults: list[Row]) -> list[str]:
    """The metrics of this base's faults that refuse it although nothing was planted."""
    watched = {name for row in faults if row.base == base_row.base for name in row.metrics}
    return sorted(watched & set(base_row.judgement.refused))


def _noticed(row: Row, bases: list[Row]) -> dict[str, list[str]]:
    fresh = [other for other in bases if other.base == row.base and other.name.startswith("fresh")]
    return {
        peer.name: list(noticed(peer, row.answers[peer.name], [other.answers[peer.name] for other in fresh]))
        for peer in peers()
        if peer.name in row.answers
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
