"""The process pool: results, progress, joined jobs, died processes, and no orphans."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from schemas.errors import ContractError, TransientError
from stream_app.adapters.jobs import DEATHS, Heard, JobDied, Jobs


def double(number: int, progress: Callable[[float, str], None]) -> int:
    progress(0.5, "half way")
    return 2 * number


def whose(seconds: float, progress: Callable[[float, str], None]) -> float:
    time.sleep(seconds)
    return time.time()


def linger(seconds: float, progress: Callable[[float, str], None]) -> None:
    progress(0.1, "here")
    time.sleep(seconds)


def refuse(progress: Callable[[float, str], None]) -> None:
    raise ContractError("no")


def die(progress: Callable[[float, str], None]) -> None:
    os._exit(9)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    pool = Jobs(1)
    yield pool
    pool.close()


def test_a_job_returns_its_result_and_tells_its_progress(jobs: Jobs) -> None:
    heard: list[tuple[float, str]] = []

    async def run() -> int:
        loop, told = asyncio.get_running_loop(), asyncio.Event()

        def hear(said: Heard) -> None:
            heard.append((said.fraction, said.phase))
            loop.call_soon_threadsafe(told.set)

        found = await jobs.run("a", double, 21, on_progress=hear)
        await asyncio.wait_for(told.wait(), 60)
        return found

    assert asyncio.run(run()) == 42
    assert heard == [(0.5, "half way")]


def test_errors_of_a_job_arrive(jobs: Jobs) -> None:
    with pytest.raises(ContractError, match="no"):
        asyncio.run(jobs.run("b", refuse))


def test_a_job_of_the_same_name_is_joined_and_not_run_twice(jobs: Jobs) -> None:
    async def twice() -> list[float]:
        return list(await asyncio.gather(jobs.run("c", whose, 0.3), jobs.run("c", whose, 0.3)))

    first, second = asyncio.run(twice())
    assert first == second


def test_the_event_loop_goes_on_while_a_job_runs(jobs: Jobs) -> None:
    async def beats() -> int:
        running, count = asyncio.ensure_future(jobs.run("d", whose, 0.5)), 0
        while not running.done():
            await asyncio.sleep(0.01)
            count += 1
        return count

    assert asyncio.run(beats()) > 10


def test_a_died_process_is_a_transient_error_and_the_pool_recovers() -> None:
    pool = Jobs(1)
    try:
        with pytest.raises(TransientError):
            asyncio.run(pool.run("e", die))
        assert asyncio.run(pool.run("f", double, 1)) == 2
    finally:
        pool.close()


def test_a_job_that_kills_its_process_every_time_is_refused_in_the_end() -> None:
    pool = Jobs(1)
    try:
        for _ in range(DEATHS - 1):
            with pytest.raises(TransientError):
                asyncio.run(pool.run("g", die))
        with pytest.raises(JobDied):
            asyncio.run(pool.run("g", die))
    finally:
        pool.close()


def test_two_jobs_that_lose_their_pool_together_make_one_new_pool() -> None:
    pool = Jobs(2)

    async def both() -> list[object]:
        started = asyncio.Event()
        loop = asyncio.get_running_loop()

        def heard(_: Heard) -> None:
            loop.call_soon_threadsafe(started.set)

        lingering = asyncio.ensure_future(pool.run("i", linger, 60.0, on_progress=heard))
        await started.wait()
        return await asyncio.gather(pool.run("h", die), lingering, return_exceptions=True)

    try:
        assert [type(error) for error in asyncio.run(both())] == [TransientError, TransientError]
        assert asyncio.run(pool.run("j", double, 4)) == 8
    finally:
        pool.close()


def test_pool_processes_end_when_their_worker_is_killed() -> None:
    script = (
        "import asyncio, os, sys, time\n"
        "from stream_app.adapters.jobs import Jobs\n"
        "def main():\n"
        "    jobs = Jobs(1)\n"
        "    jobs.warm(('json',))\n"
        "    time.sleep(2)\n"
        "    import psutil\n"
        "    print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    main()\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert worker.stdout is not None
        children = [int(text) for text in worker.stdout.readline().split()]
        assert children
    finally:
        worker.kill()
        worker.wait()
    left, until = children, time.monotonic() + 10
    while left and time.monotonic() < until:
        left = [pid for pid in left if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
        time.sleep(0.1)
    assert not left
