"""Pay on real sockets: who may not see it hears nothing of it, on any subscription, whenever rights change."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date

import pytest

from api.live import parse_cursor
from api.relay import global_id, parse_id
from api.schema import schema
from domain.incentives.components import Commission
from domain.org.actions import organization_update
from domain.org.keys import api_key_create
from domain.org.model import Move, RepItem, Scope, TeamItem, UserItem, UserKey
from domain.org.model import Role as UserRole
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert
from tests.api.clients import Socket, connect
from tests.api.conftest import Serve, Server
from tests.domain.incentives.conftest import DECEMBER, Company, plan
from workers.relay import Relay, number

EARNINGS = "subscription { earningsChanged { kind cursor nodeId node { total { amount } rep { name } } nodes { id } } }"
CHANGES = "subscription { changes { kind cursor nodeId node { __typename } } }"

pytestmark = pytest.mark.usefixtures("relay")


@dataclass
class Watcher:
    """Somebody with both subscriptions on one socket. `heard`: statements, by the subscription that told of them.

    `last`: the place in the log up to which it was told of one.
    """

    socket: Socket
    heard: list[tuple[str, str]] = field(default_factory=list)
    last: int = 0

    async def until(self, node_id: str, *, by: str) -> int:
        """Read on until a subscription tells of a node; the place in the log of what it tells."""
        while True:
            message = await self.socket.receive()
            assert message["type"] == "next", message
            ((name, change),) = message["payload"]["data"].items()
            if change["kind"] not in ("SNAPSHOT", "GAP") and _is_statement(change["nodeId"]):
                self.heard.append((name, change["nodeId"]))
                self.last = max(self.last, parse_cursor(change["cursor"])[1])
            if (name, change["nodeId"]) == (by, node_id):
                return parse_cursor(change["cursor"])[1]


def _is_statement(node_id: str) -> bool:
    return (parse_id(node_id) or ("", ""))[0] == "Statement"


@dataclass
class Floor:
    """The company, and all who watch it."""

    company: Company
    server: Server
    watchers: dict[str, Watcher]
    fences: int = 0

    async def wins(self, rep: str, key: str) -> str:
        """The rep wins a deal; the id of its statement. What that changes is in the log when this returns."""
        await self.company.deal(key, rep, date(2026, 12, 3), "1000")
        await self.company.settle()
        found = await self.company.statement(rep, DECEMBER)
        assert found is not None
        return global_id("Statement", found.statement_id)

    async def fence(self) -> int:
        """Something that all may hear of, and all have read up to it; its place in the log."""
        self.fences += 1
        item = TeamItem("north", name=f"North {self.fences}", manager=UserKey("mia@harbor.example"))
        result = await teams_upsert(self.company.work, [item])
        places = [
            await watcher.until(global_id("Team", result.ids[0]), by="changes") for watcher in self.watchers.values()
        ]
        return places[0]

    def heard(self) -> dict[str, set[tuple[str, str]]]:
        """What each has heard of pay since this was asked last."""
        told = {name: set(watcher.heard) for name, watcher in self.watchers.items()}
        for watcher in self.watchers.values():
            watcher.heard.clear()
        return told


@pytest.fixture
async def floor(company: Company, serve: Serve, relay: Relay) -> AsyncIterator[Floor]:
    """Ann is paid by the deal, and Bob. Ann, her peer, manager, admin, compensation admin and two keys watch."""
    await company.publish(plan(Commission(key="commission", rate="0.1")), "ann", "bob")  # type: ignore[arg-type]
    await company.settle()
    while await number(company.work.db, company.work.viewer.org_id):
        pass
    async with serve(schema) as server, AsyncExitStack() as stack:
        tokens = {name: server.token(company.work, f"{name}@harbor.example") for name in ("ann", "bob", "mia", "cleo")}
        tokens["ada"] = server.token(company.work)
        for name, scopes in {"partner": {Scope.ORG_READ, Scope.PIPELINE_READ}, "payroll": {*Scope}}.items():
            maker = company.as_("cleo") if name == "payroll" else company.work
            held = frozenset(scopes) & maker.viewer.scopes
            _, tokens[name] = await api_key_create(maker, name=name, scopes=held, expires_at=None)
        watchers = {}
        for name, token in tokens.items():
            socket = await stack.enter_async_context(connect(server, token))
            await socket.subscribe(EARNINGS, "earnings")
            answer = await socket.receive()
            if name == "partner":
                assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")
            else:
                assert answer["payload"]["data"]["earningsChanged"]["kind"] == "SNAPSHOT"
            await socket.subscribe(CHANGES, "changes")
            assert (await socket.next("changes"))["kind"] == "SNAPSHOT"
            watchers[name] = Watcher(socket)
        yield Floor(company, server, watchers)


async def test_pay_is_heard_of_by_those_alone_who_see_it(floor: Floor) -> None:
    anns = await floor.wins("ann", "D-1")
    for who in ("ann", "cleo", "payroll"):
        await floor.watchers[who].until(anns, by="earningsChanged")
    await floor.fence()
    told = {("changes", anns), ("earningsChanged", anns)}
    nobody: set[tuple[str, str]] = set()
    assert floor.heard() == {
        "ann": told,
        "cleo": told,
        "payroll": told,
        "bob": nobody,
        "mia": nobody,
        "ada": nobody,
        "partner": nobody,
    }
    # Bob's group is told of his own: what had been told before, of Ann, would have come first.
    bobs = await floor.wins("bob", "D-2")
    await floor.watchers["bob"].until(bobs, by="earningsChanged")
    await floor.fence()
    assert floor.heard()["bob"] == {("changes", bobs), ("earningsChanged", bobs)}


async def test_a_manager_hears_of_pay_from_the_moment_on_that_it_may_and_until_it_may_not(floor: Floor) -> None:
    mia = floor.watchers["mia"]
    await floor.wins("ann", "D-1")
    version = await organization_update(floor.company.work, expected_version=1, managers_see_pay=True)
    anns = await floor.wins("ann", "D-2")
    await mia.until(anns, by="earningsChanged")
    await floor.fence()
    assert floor.heard()["mia"] == {("changes", anns), ("earningsChanged", anns)}
    await organization_update(floor.company.work, expected_version=version, managers_see_pay=False)
    forbidden_from = await floor.fence()
    await floor.wins("ann", "D-3")
    cleo = floor.watchers["cleo"]
    while await cleo.until(anns, by="earningsChanged") < forbidden_from:
        pass
    await floor.fence()
    # Of what was before, its two subscriptions tell side by side.
    assert mia.last < forbidden_from


async def test_a_manager_hears_no_more_of_who_left_its_team(floor: Floor) -> None:
    company, mia = floor.company, floor.watchers["mia"]
    await organization_update(company.work, expected_version=1, managers_see_pay=True)
    anns = await floor.wins("ann", "D-1")
    await mia.until(anns, by="earningsChanged")
    await users_upsert(company.work, [UserItem("nils@harbor.example", "Nils", UserRole.MANAGER)])
    await teams_upsert(company.work, [TeamItem("south", name="South", manager=UserKey("nils@harbor.example"))])
    moved = [RepItem("ann", name="Ann", team=Move("south", date(2026, 1, 1)))]
    assert not (await reps_upsert(company.work, moved)).problems
    floor.heard()
    await floor.wins("ann", "D-2")
    bobs = await floor.wins("bob", "D-3")
    await mia.until(bobs, by="earningsChanged")
    assert {node_id for _, node_id in mia.heard} == {bobs}
