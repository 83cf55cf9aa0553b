"""A market of agents (Mesa): customers pay at terminals of merchants, day by day, and fraudsters compromise some.

Agents decide who pays where and who is compromised; amounts and times of a day's payments are then drawn together.
"""

import math
from dataclasses import dataclass

import mesa
import numpy as np

from generators.arrays import Bools, Floats, Ints
from generators.simulation.aggregates import CELLS, DAY, HIGH, HOUR, LOW, Aggregates
from generators.simulation.scenarios import CUSTOMER, LARGE, TERMINAL, Scenarios

NEVER = -1


@dataclass(frozen=True, slots=True)
class Population:
    """Who lives in a market, by number: customers' classes, mean amounts, rows a day and terminals (``reach`` holds
    them one after another, from ``firsts`` on); terminals' merchants.
    """

    group: Ints
    mean: Floats
    rate: Floats
    reach: Ints
    firsts: Ints
    merchant: Ints

    @property
    def customers(self) -> int:
        return len(self.group)

    @property
    def terminals(self) -> int:
        return len(self.merchant)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Payments in the order of days: numbers of customers and terminals, seconds since 1970, amounts, scenarios (0:
    none).
    """

    customer: Ints
    terminal: Ints
    seconds: Floats
    amount: Floats
    scenario: Ints


class Merchant(mesa.Agent):  # type: ignore[misc]
    """Owns terminals."""

    def __init__(self, model: "Market") -> None:
        super().__init__(model)
        self.terminals: list[Terminal] = []


class Terminal(mesa.Agent):  # type: ignore[misc]
    """Takes payments; compromised until a day, or never."""

    def __init__(self, model: "Market", merchant: Merchant) -> None:
        super().__init__(model)
        merchant.terminals.append(self)
        self.until = NEVER


class Customer(mesa.Agent):  # type: ignore[misc]
    """Pays at terminals within reach; its data may be stolen until a day, or never."""

    def __init__(self, model: "Market", reach: Ints) -> None:
        super().__init__(model)
        self.reach = reach
        self.until = NEVER

    def visits(self, count: int) -> Ints:
        """The terminals of a day's payments."""
        places: Ints = self.model.rng.integers(0, len(self.reach), count)
        return self.reach[places]


class Fraudster(mesa.Agent):  # type: ignore[misc]
    """Compromises terminals and customers every day, at the rates that were asked for."""

    def act(self, day: int) -> None:
        market, asked = self.model, self.model.scenarios
        for terminal in self._chosen(market.terminals, asked.compromised_terminals):
            terminal.until = day + math.ceil(asked.terminal_days)
        for customer in self._chosen(market.customers, asked.compromised_customers):
            customer.until = day + math.ceil(asked.customer_days)

    def _chosen(self, agents: "list[Terminal] | list[Customer]", share: float) -> "list[Terminal | Customer]":
        count = min(len(agents), int(self.model.rng.poisson(share * len(agents)))) if share else 0
        return [agents[place] for place in self.model.rng.choice(len(agents), count, replace=False)]


class Market(mesa.Model):  # type: ignore[misc]
    """A population that pays under the aggregates; ``intensity`` times as often as the source's did."""

    def __init__(
        self, aggregates: Aggregates, population: Population, scenarios: Scenarios, intensity: float, seed: int
    ) -> None:
        super().__init__(seed=seed)
        self.rng = np.random.default_rng(seed)
        self.aggregates, self.population, self.scenarios = aggregates, population, scenarios
        merchants = [Merchant(self) for _ in range(int(population.merchant.max()) + 1)]
        self.terminals = [Terminal(self, merchants[owner]) for owner in population.merchant]
        ends = np.append(population.firsts[1:], len(population.reach))
        self.customers = [
            Customer(self, population.reach[first:end]) for first, end in zip(population.firsts, ends, strict=True)
        ]
        self.fraudster = Fraudster(self)
        first = int(aggregates.fact("first_day"))
        weekday = (np.arange(int(aggregates.fact("days"))) + first + 3) % 7
        busy = aggregates.weekdays[weekday]
        self.busy = intensity * busy / max(busy.mean(), 1e-12)
        self.day = 0
        self.days: list[Ledger] = []

    def step(self) -> None:
        """One day: fraudsters first, then everyone who pays."""
        if self.scenarios.asked:
            self.fraudster.act(self.day)
        counts = self.rng.poisson(self.population.rate * self.busy[self.day])
        payers = np.flatnonzero(counts)
        if payers.size:
            terminal = np.concatenate([self.customers[place].visits(int(counts[place])) for place in payers])
            self.days.append(self._paid(np.repeat(payers, counts[payers]), terminal))
        self.day += 1

    def run(self) -> Ledger:
        """All days of the period."""
        for _ in range(len(self.busy)):
            self.step()
        ledger = joined(self.days)
        self.remove_all_agents()
        mesa.Agent._ids.pop(self, None)  # else Mesa keeps every model for as long as the process lives
        return ledger

    def _paid(self, customer: Ints, terminal: Ints) -> Ledger:
        count = len(customer)
        hour = self.rng.choice(24, count, p=self.aggregates.hours / self.aggregates.hours.sum())
        seconds = (self.aggregates.fact("first_day") + self.day) * DAY + hour * HOUR + self.rng.random(count) * HOUR
        amount, scenario = self._frauds(customer, terminal, self._amounts(customer))
        return Ledger(customer, terminal, seconds, amount, scenario)

    def _amounts(self, customer: Ints) -> Floats:
        """About each customer's mean, scattered as in its class."""
        group, mean = self.population.group[customer], self.population.mean[customer]
        spread = self.aggregates.of_class("spread")[group]
        scale = np.where(spread >= 0, spread * mean, -spread)
        away = np.zeros(len(customer))
        for one in np.unique(group):
            own, counts = np.flatnonzero(group == one), self.aggregates.scatter[one]
            cell = self.rng.choice(CELLS, own.size, p=counts / counts.sum())
            away[own] = LOW + (cell + self.rng.random(own.size)) * (HIGH - LOW) / CELLS
        return mean + away * scale

    def _frauds(self, customer: Ints, terminal: Ints, amount: Floats) -> tuple[Floats, Ints]:
        """The handbook's order: large amounts, then compromised terminals, then compromised customers."""
        asked, scenario = self.scenarios, np.zeros(len(customer), dtype=np.int64)
        if not asked.asked:
            return amount, scenario
        if asked.large_amounts:
            raised = self.rng.random(len(amount)) < asked.large_amounts
            beyond = 1 + self.rng.exponential(self.aggregates.fact("excess"), len(amount))
            amount = np.where(raised, asked.threshold * beyond + 0.01, amount)
            scenario[amount > asked.threshold] = LARGE
        scenario[self._compromised(self.terminals, terminal)] = TERMINAL
        stolen = self._compromised(self.customers, customer) & (self.rng.random(len(amount)) < asked.multiplied)
        scenario[stolen] = CUSTOMER
        return np.where(stolen, amount * asked.factor, amount), scenario

    def _compromised(self, agents: "list[Terminal] | list[Customer]", numbers: Ints) -> Bools:
        unique, back = np.unique(numbers, return_inverse=True)
        return np.array([agents[number].until > self.day for number in unique], dtype=bool)[back]


def joined(parts: list[Ledger]) -> Ledger:
    """One ledger after another."""
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return Ledger(nothing, nothing, np.zeros(0), np.zeros(0), nothing)
    return Ledger(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("customer", "terminal", "seconds", "amount", "scenario")
        )
    )


def peopled(aggregates: Aggregates, customers: int, terminals: int, rng: np.random.Generator) -> Population:
    """A population of so many customers and terminals, by the classes' moments."""
    size = aggregates.of_class("customers")
    group = rng.choice(len(size), customers, p=size / size.sum()).astype(np.int64)
    mean, deviation = (aggregates.of_class(name)[group] for name in ("mean", "mean_sd"))
    reach = _positive(aggregates, "terminals", group, rng)
    count = np.clip(np.rint(reach), 1, terminals).astype(np.int64)
    popular = rng.lognormal(0.0, aggregates.fact("popularity"), terminals)
    merchants = max(1, round(terminals / max(1.0, aggregates.fact("terminals_a_merchant"))))
    return Population(
        group,
        mean + deviation * math.sqrt(3) * rng.uniform(-1, 1, customers),
        _positive(aggregates, "rate", group, rng),
        _reached(popular, count, rng),
        np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64),
        np.concatenate([np.arange(merchants), rng.integers(0, merchants, terminals - merchants)]).astype(np.int64),
    )


def _positive(aggregates: Aggregates, name: str, group: Ints, rng: np.random.Generator) -> Floats:
    """Gamma draws with the classes' means and spreads."""
    mean, deviation = aggregates.of_class(name)[group], aggregates.of_class(f"{name}_sd")[group]
    spread = np.maximum(deviation, 1e-3 * np.maximum(mean, 1e-9))
    shape = (np.maximum(mean, 1e-9) / spread) ** 2
    return np.asarray(rng.gamma(shape, np.maximum(mean, 1e-9) / shape), dtype=np.float64)


def _reached(popular: Floats, count: Ints, rng: np.random.Generator) -> Ints:
    """For each customer so many terminals, popular ones more often; one may be chosen twice, and is then favoured."""
    shares = np.cumsum(popular / popular.sum())
    places = np.searchsorted(shares, rng.random(int(count.sum())), side="right")
    return np.minimum(places, len(popular) - 1).astype(np.int64)
