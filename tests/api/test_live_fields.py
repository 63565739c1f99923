"""How a live field looks in the schema and on the wire."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import pytest
import strawberry
from graphql import ExecutionResult, GraphQLError, execute, parse

from api.context import Context
from api.live import LiveChange, LiveField, LiveKind, Logged, cursor_of, live, nodes_of_events, parse_cursor
from api.relay import Node, NodeQuery, encode_cursor
from api.scalars import CONFIG
from domain.org.model import SCOPES, Role, Scope, Viewer

ORG = UUID(int=7)


@strawberry.type(description="A thing.")
class Thing(Node):
    pass


async def _things(
    ctx: Context,
    colour: Annotated[str | None, strawberry.argument(description="Only this colour.")] = None,
) -> list[Thing]:
    return []


def _has_colour(event: Logged, colour: str | None = None) -> bool:
    return colour is None or event.data["colour"] == colour


async def _thing(ctx: Context) -> Thing | None:
    return None


@strawberry.type
class Subscription:
    thing_changed = live(
        "feed.thing", scope=Scope.FEED_READ, description="Things.", snapshot=_things, matches=_has_colour
    )
    newest_thing = live(description="The newest.", snapshot=_thing)


schema = strawberry.Schema(NodeQuery, subscription=Subscription, config=CONFIG)


def _logged(**over: object) -> Logged:
    given = {"seq": 1, "kind": "feed.thing", "change": "UPDATED", "node_type": "Thing", "node_key": "1"}
    given |= {
        "rep_id": None,
        "team_id": None,
        "data": {"colour": "red"},
        "occurred_at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return Logged(**(given | over))  # type: ignore[arg-type]


def test_arguments_scope_and_payload_type_come_from_the_declaration() -> None:
    sdl = schema.as_str()
    assert "thingChanged(" in sdl
    assert '"""Only this colour."""' in sdl
    assert '): ThingChange! @requiresScope(scope: "feed:read")' in sdl
    assert "newestThing(" in sdl


def test_a_message_is_executed_as_the_root_value() -> None:
    document = parse(
        'subscription { x: thingChanged(colour: "red") { kind cursor occurredAt nodeId node { id } nodes { id } } }'
    )
    event = _logged()
    message: LiveChange[Thing] = LiveChange(
        cursor=cursor_of(ORG, 1), occurred_at=event.occurred_at, kind=LiveKind.REMOVED, node_id=event.node_id
    )
    result = execute(schema._schema, document, root_value=message)
    assert isinstance(result, ExecutionResult)
    assert result.errors is None
    assert result.data == {
        "x": {
            "kind": "REMOVED",
            "cursor": cursor_of(ORG, 1),
            "occurredAt": "2026-01-02T00:00:00Z",
            "nodeId": event.node_id,
            "node": None,
            "nodes": None,
        }
    }


def test_a_cursor_names_its_organisation() -> None:
    assert parse_cursor(cursor_of(ORG, 41)) == (ORG, 41)


@pytest.mark.parametrize(
    "text", ["", "nonsense", encode_cursor(ORG, -1), encode_cursor(ORG, None), encode_cursor(1, 2)]
)
def test_what_is_not_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(GraphQLError):
        parse_cursor(text)


def test_an_event_is_heard_by_kind_argument_and_scope_of_its_area() -> None:
    field = LiveField("things", frozenset({"feed.thing"}), _things, _has_colour, nodes_of_events, False, False)
    reader = Viewer(ORG, SCOPES[Role.MANAGER], Role.MANAGER)
    stranger = Viewer(ORG, frozenset({Scope.ORG_READ}))
    assert field.hears(reader, _logged(), {"colour": "red"})
    assert not field.hears(reader, _logged(), {"colour": "blue"})
    assert not field.hears(reader, _logged(kind="feed.rule"), {})
    assert not field.hears(stranger, _logged(), {})
