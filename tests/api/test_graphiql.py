"""What GraphiQL opens with runs."""

from datetime import UTC, date, datetime

from api.graphiql import examples
from api.schema import schema
from domain.org.model import Move, RepItem, TeamItem
from domain.org.people import reps_upsert
from domain.org.trees import teams_upsert
from tests.api.clients import connect
from tests.api.conftest import Serve
from tests.conftest import MakeOrg
from workers.relay import Relay


async def test_every_example_runs(serve: Serve, make_org: MakeOrg, relay: Relay) -> None:
    work = await make_org()
    await teams_upsert(work, [TeamItem("t", "North")])
    stored = await reps_upsert(work, [RepItem("A-001", "Rae", hired_on=date(2026, 1, 5), team=Move("t"))])
    assert not stored.problems
    query, mutation, subscription = examples(datetime.now(UTC))
    async with serve(schema) as server, server.client(server.token(work)) as client:
        answer = (await client.post("/graphql", json={"query": query})).json()
        assert "errors" not in answer
        assert answer["data"]["viewer"]["name"] == "Ada Admin"
        async with connect(server, server.token(work)) as socket:
            await socket.subscribe(subscription)
            assert (await socket.next())["kind"] == "SNAPSHOT"
            answer = (await client.post("/graphql", json={"query": mutation})).json()
            assert answer["data"]["activitiesIngest"] == {"created": 1, "userErrors": []}
            await reps_upsert(work, [RepItem("A-001", title="Senior")])
            change = await socket.next()
            while change["kind"] == "CREATED":
                change = await socket.next()  # what was made before and numbered only now
            assert (change["kind"], change["node"]["__typename"]) == ("UPDATED", "Rep")
