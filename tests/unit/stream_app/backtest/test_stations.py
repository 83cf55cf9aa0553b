"""The stations of a backtest decide as the partitioned ones do, on the clock that they are given."""

from schemas.events import Event
from schemas.events.budget import LedgerEntry
from schemas.events.runs import CandidateCleared, GenerationRequested
from stream_app.backtest.candidates import outcome
from stream_app.backtest.stations import Stations
from tests.events import DAY, Selection, command, contract, drift, profile
from tests.simulator import Simulator

START = 10 * DAY


def work(event: GenerationRequested) -> CandidateCleared:
    came = outcome(event.dossier, 1_000, 0.0, 0)
    assert isinstance(came, CandidateCleared)
    return came


def told(lines: list[LedgerEntry]) -> list[tuple[str, int | None, str, str]]:
    return [(type(line).__name__, line.attempt, line.epsilon_before, line.epsilon_after) for line in lines]


def test_they_write_the_ledger_that_the_simulator_writes() -> None:
    agreed = contract(cap="2.2", valid_days=30)
    simulator, stations = Simulator(), Stations("flights", Selection(), work, 0.0, START)
    simulator.tell(command("apply_contract", role="owner", contract=agreed.document()))
    simulator.settle()
    stations.apply(agreed)
    events: list[Event] = [
        profile(digest=agreed.digest()),
        *(drift(row) for row in (5_000, 5_050, 9_000, 12_000, 15_000)),
    ]
    for event in events:
        simulator.tell(event)
        simulator.settle()
        stations.tell(event)
    expected = told(simulator.ledger())
    assert told(stations.lines) == expected
    assert [name for name, *_ in expected].count("SpendReserved") == 4
    assert [name for name, *_ in expected].count("SpendRefused") == 1


def test_releases_expire_by_the_clock_that_is_given() -> None:
    stations = Stations("flights", Selection(), work, 0.0, START)
    agreed = contract(valid_days=30)
    stations.apply(agreed)
    stations.tell(profile(digest=agreed.digest()))
    stations.advance(START + 30 * DAY - 1)
    assert len(stations.plan.releases) == 1
    stations.advance(START + 30 * DAY)
    assert [known.state for known in stations.plan.releases] == ["expired", "certified"]


def test_an_outcome_comes_when_its_fit_is_done_and_not_before() -> None:
    stations = Stations("flights", Selection(), work, 3_600.0, START)
    agreed = contract()
    stations.apply(agreed)
    stations.tell(profile(digest=agreed.digest()))
    stations.advance(START + 3_599_999)
    assert stations.plan.run is not None
    stations.advance(START + 9_000_000)
    assert stations.plan.run is None
    (known,) = stations.plan.releases
    assert known.certified_at == START + 3_600_000
