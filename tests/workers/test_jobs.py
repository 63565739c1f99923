"""A job that is under way takes what comes meanwhile."""

import asyncio

from domain.org import actions as org
from domain.work import Work
from sql.queries import queries
from tests.conftest import MakeOrg
from workers.jobs import UnderWay

_live = queries("live")


async def test_what_comes_while_a_round_is_under_way_is_taken_by_the_same_job(make_org: MakeOrg) -> None:
    work = await make_org()
    org_id, under_way = work.viewer.org_id, UnderWay()
    assert not under_way.look_again(org_id), "nobody is at it: it needs a job"
    with under_way.at(org_id) as once:
        while await once(work):
            pass
        # The next round finds nothing; it is told of a mark that is committed when it may have looked already.
        looking = asyncio.ensure_future(once(work))
        await asyncio.sleep(0)
        assert under_way.look_again(org_id)
        await _mark(work)
        assert await looking, "it has to look again"
        while await once(work):
            pass
        assert not await _marked(work)
    assert not under_way.look_again(org_id)
    with under_way.at(org_id):
        assert under_way.look_again(org_id), "it can begin anew"


async def _mark(work: Work) -> None:
    async with work.transaction() as tx:
        today = (await org.calendar(tx.session)).local_day(work.now)
        tx.mark(None, today, None)


async def _marked(work: Work) -> bool:
    async with work.db.session(work.viewer.org_id) as session:
        return bool(await session.fetch(_live.marks))
