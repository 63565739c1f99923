"""What is made once for many is, byte for byte, what each would have got by itself, whatever each may see.

Documents come from the schema: one for each field of what subscriptions show, and one for all of them. `families.txt`
says which of them are made once for all who ask; a field that is new or changed shows as a diff. Write it anew with
`ATTAIN_WRITE_FAMILIES=1 pytest tests/api/test_families.py`, and read the diff.
"""

import json
import math
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type

from api.context import Common, Context
from api.documents import Documents
from api.engine import Guarded
from api.fanout import Audience
from api.live import Logged
from api.operation import Api
from api.schema import schema
from api.sight import Anyone, Kind, Seen, Sight, ToldApart, each, merged, parts, passes
from api.subscriber import Message
from domain.org.model import READ, SCOPES, Role, Scope, Viewer
from sql.queries import Query, queries
from tests.api.conftest import Serve
from tests.api.execute import SETTINGS
from tests.api.test_garbage import collected
from tests.api.walk import GRAPH, arguments, every_id, selection
from tests.conftest import MakeOrg
from tests.world import ADMIN, MANAGER, PAYMASTER, REP, World, make_world
from workers.relay import number

SNAPSHOT = Path(__file__).with_name("families.txt")

_SUBJECTS = Query(
    "test.subjects",
    "select rep_id as id, 'rep' as kind from rep where org_id = $1 "
    "union all select team_id, 'team' from team where org_id = $1",
)
_ROOTS = GRAPH.subscription_type.fields if GRAPH.subscription_type else {}


@dataclass(frozen=True)
class Town:
    """A world with its log, and the API that delivers it."""

    world: World
    api: Api
    events: Sequence[Logged]
    ids: dict[str, list[str]]
    viewers: Sequence[tuple[Viewer, Sight | None]]
    """Its people, and strangers who see anybody at all."""

    async def audience(self, document: str, viewer: Viewer, sight: Sight | None, *, alone: bool = False) -> Audience:
        """Who asks that, with a sight of its own or, without one, the one that it really has."""
        prepared = self.api.documents.prepare(document)
        context = self.api.context(viewer, "town")
        audience = Audience(self.api, prepared, {}, viewer, await self.api.execution.select(prepared, {}, context))
        if sight is not None:
            audience._seen, audience._sight_until = sight, math.inf
        if alone:
            audience.family._apart_until = math.inf
        return audience

    async def told(self, audience: Audience, common: Common) -> list[tuple[int, Any]]:
        """The messages that it gets of all that happened. No two requests have the same id."""
        heard = audience.family.heard(self.events)
        return [(message.seq, _plain(message)) for message in await audience.messages(heard, common)]

    def common(self) -> Common:
        """For one time that events are given out."""
        return Common(self.world.work.db, self.world.work.viewer.org_id, self.world.work.now)


def _plain(message: Message) -> Any:
    told = json.loads(message.payload)
    for error in told.get("errors", ()):
        del error["extensions"]["requestId"]
    return told


@pytest.fixture(scope="module")
async def town(make_org: MakeOrg, serve: Serve) -> AsyncIterator[Town]:
    world = await make_world(make_org, "Oslo")
    await world.stir()
    org_id = world.work.viewer.org_id
    await number(world.work.db, org_id)
    async with world.work.db.session(org_id) as session:
        events = [Logged.of(row) for row in await session.fetch(queries("live").log_after, 0, 1000)]
        subjects = await session.fetch(_SUBJECTS)
    people: list[tuple[Viewer, Sight | None]] = [
        ((await world.work_of(who)).viewer, None) for who in (ADMIN, PAYMASTER, MANAGER, REP)
    ]
    people.append((replace(people[0][0], scopes=SCOPES[Role.ADMIN] - {Scope.ORG_READ}), None))
    random = Random(7)
    reps = [row["id"] for row in subjects if row["kind"] == "rep"]
    teams = [row["id"] for row in subjects if row["kind"] == "team"]
    for _ in range(6):
        stranger = Viewer(org_id, SCOPES[Role.MANAGER], Role.MANAGER, random.choice([uuid4(), people[2][0].user_id]))
        seen: dict[Kind, Seen] = {
            "reps": _some(random, reps),
            "teams": _some(random, teams),
            "pay": _some(random, reps),
        }
        people.append((stranger, seen))
    settings = SETTINGS.model_copy(update={"max_depth": 30, "max_tokens": 50_000, "max_aliases": 1_000})
    async with serve(graph=schema) as server:
        api = server.app.state.running.http._api
        api.documents = Documents(schema._schema, settings)
        yield Town(world, api, events, await every_id(world), people)


def _some(random: Random, ids: Sequence[UUID]) -> frozenset[UUID]:
    return frozenset(random.sample(list(ids), random.randint(0, len(ids))))


def documents(root: str, ids: dict[str, list[str]]) -> dict[str, str]:
    """By names: each field of a subscription's nodes, with the fields of what it gives, and all fields with theirs."""
    field = _ROOTS[root]
    change = get_named_type(field.type)
    assert isinstance(change, GraphQLObjectType)
    node = get_named_type(change.fields["node"].type)
    assert isinstance(node, GraphQLObjectType | GraphQLInterfaceType)
    asked = {name: name + arguments(one, ids, 3) + selection(one.type, 1, ids) for name, one in node.fields.items()}
    of_rep = GRAPH.type_map["Rep"]
    assert isinstance(of_rep, GraphQLObjectType)
    if "rep" in node.fields:  # what reps show is in many answers
        inner = {
            name: name + arguments(one, ids, 3) + selection(one.type, 0, ids) for name, one in of_rep.fields.items()
        }
        asked |= {f"rep.{name}": f"rep {{ {text} }}" for name, text in inner.items()}
    asked["*"] = " ".join(text for name, text in asked.items() if "." not in name)
    given = arguments(field, ids, 5)
    return {
        f"{root}.{name}": f"subscription {{ {root}{given} {{ kind cursor occurredAt nodeId node {{ {text} }} }} }}"
        for name, text in asked.items()
    }


@pytest.mark.parametrize("root", _ROOTS)
async def test_a_message_that_is_shared_is_what_each_would_have_got(town: Town, root: str) -> None:
    lines = []
    for name, document in documents(root, town.ids).items():
        common = town.common()
        families: dict[Any, Any] = {}
        told_anybody = False
        for viewer, sight in town.viewers:
            audience = await town.audience(document, viewer, sight)
            audience.family = families.setdefault(audience.family.key, audience.family)
            shared = await town.told(audience, common)
            alone = await town.told(await town.audience(document, viewer, sight, alone=True), town.common())
            assert shared == alone, (name, viewer, sight)
            told_anybody |= bool(shared)
        assert told_anybody, f"{name}: make some in tests/world.py"
        first = next(iter(families.values()))
        lines.append(f"{name:<50} {'each by itself' if first._apart_until > -math.inf else 'once for all'}")
    known = SNAPSHOT.read_text().splitlines() if SNAPSHOT.exists() else []
    if os.environ.get("ATTAIN_WRITE_FAMILIES"):
        known = [line for line in known if not line.startswith(f"{root}.")] + lines
        SNAPSHOT.write_text("\n".join(sorted(known)) + "\n")
    assert sorted(lines) == sorted(line for line in known if line.startswith(f"{root}."))


@pytest.mark.parametrize("root", _ROOTS)
async def test_what_is_made_once_leaves_nothing_to_the_collector(town: Town, root: str) -> None:
    shared = {line.split()[0] for line in SNAPSHOT.read_text().splitlines() if line.endswith("once for all")}
    asked = [document for name, document in documents(root, town.ids).items() if name in shared]

    async def ask() -> None:
        for document in asked:
            common = town.common()
            for viewer, sight in town.viewers:
                audience = await town.audience(document, viewer, sight)
                await town.told(audience, common)

    await ask()  # what is made once, and kept
    with collected() as found:
        await ask()
    assert found == {}


async def test_what_depends_on_who_asks_is_not_made_for_anyone(town: Town) -> None:
    """Whatever is asked of whoever asks, but for what all of them share, is an error."""
    org_id = town.world.work.viewer.org_id
    anyone = Anyone(org_id, SCOPES[Role.ADMIN])
    assert anyone.org_id == org_id
    assert [scope for scope in READ if scope not in anyone.scopes] == []
    assert Scope.ORG_READ not in Anyone(org_id, READ - {Scope.ORG_READ}).scopes
    viewer = await town.world.work_of(REP)
    assert not anyone.told_apart
    for name in dir(viewer.viewer):
        if name not in ("org_id", "scopes") and not name.startswith("__"):
            with pytest.raises(ToldApart):
                getattr(anyone, name)
    for scope in set(Scope) - READ:
        with pytest.raises(ToldApart):
            assert scope in anyone.scopes
    with pytest.raises(TypeError):
        iter(anyone.scopes)
    context = Context(viewer.db, anyone, viewer.now, SETTINGS, "anyone")  # type: ignore[arg-type]
    for ask in (context.sight, context.team_sight, context.pay_sight):
        with pytest.raises(ToldApart):
            await ask()
    assert anyone.told_apart


async def test_guards_stay_with_their_values(town: Town) -> None:
    """Through loads in any order, keys that are not there, and what is made of values; looking at them is an error."""
    work = town.world.work
    context = Context(work.db, Anyone(work.viewer.org_id, READ), work.now, SETTINGS, "anyone")  # type: ignore[arg-type]
    ids = [uuid4() for _ in range(4)]

    async def batch(ctx: Context, keys: Sequence[UUID]) -> Sequence[str | None]:
        return await ctx.of_seen("reps", keys, [None if key == ids[3] else f"{key}" for key in keys])

    for keys in (ids, [ids[2], None, ids[0], ids[2]], [None, ids[3]]):
        values = await context.load_each(batch, keys)
        assert isinstance(values, Guarded)
        with pytest.raises(TypeError):
            list(values)
        with pytest.raises(TypeError):
            await context.load(batch, ids[0])
        expected = [("reps", key, None) if key else None for key in keys]
        found = [None if key in (None, ids[3]) else f"{key}" for key in keys]
        assert list(map(list, parts(values))) == [found, expected]
        upper = [one.upper() if one else None for one in found]
        assert list(map(list, parts(each(values, str.upper)))) == [upper, expected]
        nothing: list[str | None] = [None] * len(keys)
        assert list(map(list, parts(merged([nothing, values], len(keys))))) == [found, expected]


def test_a_guard_lets_pass_who_sees_one_and_the_user_that_it_names() -> None:
    one, other, user = uuid4(), uuid4(), uuid4()
    some: Sight = {"reps": frozenset({one}), "teams": frozenset(), "pay": frozenset()}
    assert passes(None, some, None)
    assert passes(("reps", one, None), some, None)
    assert not passes(("reps", other, None), some, user)
    assert not passes(("reps", other, user), some, None)
    assert not passes(("pay", one, None), some, user)
    assert passes(("reps", other, user), some, user)
    assert not passes(("reps", None, None), some, None)
    assert passes(("reps", None, None), {**some, "reps": None}, None)
