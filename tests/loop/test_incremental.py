"""Whatever happens, what was recomputed bit by bit is what the facts alone say (semantics rule 16)."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from domain import recompute
from sql.pool import Database
from tests.conftest import SCALE
from tests.loop import steps
from tests.loop.company import Company, changed, difference

# Shrinking makes hundreds of companies; the steps are few enough to read.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


class Year(RuleBasedStateMachine):
    """Facts come and go, people move, calendars and definitions change, time passes, and workers work in between."""

    def __init__(self, runner: asyncio.Runner, db: Database) -> None:
        super().__init__()
        self._run = runner.run
        self._db = db

    def do(self, happening: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await happening

        return self._run(run())

    @initialize()
    def found(self) -> None:
        self.company: Company = self.do(Company.found(self._db))
        self.do(self.company.live_through())
        self.do(self.company.events())
        self.results, self.items = self.do(self.company.results()), self.do(self.company.items())

    @rule(facts=st.lists(steps.facts, min_size=1, max_size=3))
    def facts_come(self, facts: list[steps.Fact]) -> None:
        for fact in facts:
            self.do(steps.take(self.company, fact))

    @rule(step=steps.people | steps.teams)
    def people_move(self, step: steps.Step) -> None:
        self.do(steps.take(self.company, step))

    @rule(step=steps.calendars)
    def calendar_changes(self, step: steps.Step) -> None:
        self.do(steps.take(self.company, step))

    @rule(step=steps.templates | steps.definitions | steps.quotas | steps.rules)
    def something_is_published(self, step: steps.Step) -> None:
        self.do(steps.take(self.company, step))

    @rule(step=steps.attendances)
    def somebody_attends_to_an_item(self, step: steps.Step) -> None:
        self.do(steps.take(self.company, step))

    @rule(hours=st.floats(0.1, 30, allow_nan=False))
    def time_passes(self, hours: float) -> None:
        self.do(self.company.pass_time(hours))

    @rule()
    def a_worker_works_a_while(self) -> None:
        """What is of everybody takes many transactions: the next thing happens in between."""
        self.do(recompute.recompute(self.company.system))

    @rule()
    def workers_work(self) -> None:
        """What changed was told: whoever replays the events visits every node of which a row changed."""
        self.do(self.company.drain())
        results, items = self.do(self.company.results()), self.do(self.company.items())
        told = {row["node_key"] for row in self.do(self.company.events())}
        assert changed(self.results, results) | changed(self.items, items) <= told
        self.results, self.items = results, items

    def teardown(self) -> None:
        if not hasattr(self, "items"):
            return
        self.workers_work()
        assert len(self.results) > 100
        # All anew over what is stored changes nothing, nor does it from nothing.
        self.do(self.company.stale())
        self.do(self.company.drain())
        assert difference(self.results, self.do(self.company.results())) == []
        assert difference(self.items, self.do(self.company.items())) == []
        self.do(self.company.compute_anew())
        assert difference(self.results, self.do(self.company.results())) == []


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """A state machine is not a coroutine: it runs a loop of its own."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.fuzz
def test_incremental_equals_full(runner: asyncio.Runner, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.scorecards.results.ROOM", 60)
    db = runner.run(Database.open(database_url))
    options = settings(
        max_examples=6 * SCALE, stateful_step_count=12, phases=_PHASES, suppress_health_check=list(HealthCheck)
    )
    try:
        run_state_machine_as_test(lambda: Year(runner, db), settings=options)  # type: ignore[arg-type]
    finally:
        runner.run(db.close())
