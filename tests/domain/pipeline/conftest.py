"""Three reps, and what a test may look at of their facts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.work import Work
from sql.pool import Record, uuid7
from sql.queries import Query
from tests.conftest import MakeOrg

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS = {
    "activity": "select * from activity where org_id = $1 order by source, external_id",
    "lead": "select * from lead where org_id = $1 order by source, external_id",
    "deal": "select * from deal where org_id = $1 order by source, external_id",
    "credit": """
        select d.external_id, r.external_id as rep, c.share, c.amount, c.margin, c.units, c.status, c.opened_day,
          c.closed_day, c.territory_id
        from credit c join deal d using (org_id, deal_id) join rep r on r.org_id = c.org_id and r.rep_id = c.rep_id
        where c.org_id = $1 order by 1, 2""",
    "stage": """
        select d.external_id, s.entered_at, s.stage from deal_stage s join deal d using (org_id, deal_id)
        where s.org_id = $1 order by 1, 2""",
    "mark": """
        select r.external_id as rep, m.from_day, m.through_day, m.touch
        from dirty_mark m join rep r on r.org_id = m.org_id and r.rep_id = m.rep_id
        where m.org_id = $1 order by 1, 2, 3""",
    "event": """
        select e.change, r.external_id as rep, e.node_type, e.node_key
        from outbox e join rep r on r.org_id = e.org_id and r.rep_id = e.rep_id
        where e.org_id = $1 and e.kind = 'pipeline.deal' order by e.event_id""",
    "xmin": """
        select xmin::text, ctid::text, external_id from activity where org_id = $1
        union all select xmin::text, ctid::text, external_id from lead where org_id = $1
        union all select xmin::text, ctid::text, external_id from deal where org_id = $1
        union all select xmin::text, ctid::text, deal_id::text from credit where org_id = $1
        union all select xmin::text, ctid::text, deal_id::text from deal_stage where org_id = $1
        union all select xmin::text, ctid::text, mark_id::text from dirty_mark where org_id = $1
        union all select xmin::text, ctid::text, event_id::text from outbox where org_id = $1 order by 3""",
}
_REP = Query(
    "test.rep",
    """insert into rep (org_id, rep_id, external_id, name, hired_on, created_at)
    values ($1, $2, $3, $3, '2015-01-01', now())""",
)
_TERRITORY = Query(
    "test.territory",
    "insert into territory (org_id, territory_id, external_id, name, created_at) values ($1, $2, $3, $3, now())",
)


@dataclass(frozen=True)
class House:
    """An organisation with the reps `ann`, `ben` and `cyd` and the territory `north`."""

    work: Work
    reps: dict[str, UUID]
    north: UUID

    async def rows(self, name: str) -> list[Record]:
        """What is stored of a kind."""
        async with self.work.db.session(self.work.viewer.org_id) as session:
            return await session.fetch(Query(f"test.{name}", ROWS[name]))

    async def forget_marks(self) -> None:
        """As if the workers had done everything."""
        async with self.work.db.session(self.work.viewer.org_id) as session:
            await session.execute(Query("test.forget", "delete from dirty_mark where org_id = $1"))
            await session.execute(Query("test.forget", "delete from outbox where org_id = $1"))


MakeHouse = Callable[..., Awaitable[House]]


@pytest.fixture
def make_house(make_org: MakeOrg) -> MakeHouse:
    """`await make_house(**over)` makes an organisation of its own."""

    async def make(**over: Any) -> House:
        work = await make_org(**{"now": NOW} | over)
        reps = {name: uuid7() for name in ("ann", "ben", "cyd")}
        north = uuid7()
        async with work.db.transaction(work.viewer.org_id) as session:
            for name, rep_id in reps.items():
                await session.execute(_REP, rep_id, name)
            await session.execute(_TERRITORY, north, "north")
        return House(work, reps, north)

    return make


@pytest.fixture
async def house(make_house: MakeHouse) -> House:
    return await make_house()
