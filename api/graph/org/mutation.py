"""The organisation changed."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

import strawberry

from api.auth import writes
from api.context import Batch, Context, Info
from api.errors import Payload, user_error
from api.graph.org.inputs import ApiKeyInput, OrganizationInput, RepInput, TeamInput, TerritoryInput, UserInput
from api.graph.org.organization import ApiKey, Organization, api_keys_by_id, organizations
from api.graph.org.types import Rep, Team, Territory, User, reps_by_id, teams_by_id, territories_by_id, users_by_id
from api.inputs import stated
from api.relay import uuid_of
from domain.errors import reject
from domain.org.actions import organization_update
from domain.org.keys import api_key_create, api_key_revoke
from domain.org.model import Scope, Upserted
from domain.org.people import reps_upsert, users_upsert
from domain.org.trees import teams_upsert, territories_upsert
from domain.unset import Unset

T = TypeVar("T")

_IN_ORDER = "Those stored, in the order of the items; none for an API key without org:read."
_STORED = "Good items are stored; each bad one is reported by its path. Unchanged, nothing happens."


@strawberry.type(description="What became of a list of items.")
class UpsertPayload(Payload):
    created: int = strawberry.field(default=0, description="How many are new.")
    updated: int = strawberry.field(default=0, description="How many changed.")
    unchanged: int = strawberry.field(default=0, description="How many were so already.")


@strawberry.type(description="The users stored.")
class UsersUpsertPayload(UpsertPayload):
    users: list[User] = strawberry.field(default_factory=list, description=_IN_ORDER)


@strawberry.type(description="The teams stored.")
class TeamsUpsertPayload(UpsertPayload):
    teams: list[Team] = strawberry.field(default_factory=list, description=_IN_ORDER)


@strawberry.type(description="The reps stored.")
class RepsUpsertPayload(UpsertPayload):
    reps: list[Rep] = strawberry.field(default_factory=list, description=_IN_ORDER)


@strawberry.type(description="The territories stored.")
class TerritoriesUpsertPayload(UpsertPayload):
    territories: list[Territory] = strawberry.field(default_factory=list, description=_IN_ORDER)


@strawberry.type(description="The organisation, changed.")
class OrganizationUpdatePayload(Payload):
    organization: Organization | None = strawberry.field(
        default=None, description="As it is now. Null when nothing was done, and for an API key without org:read."
    )


@strawberry.type(description="A new API key.")
class ApiKeyCreatePayload(Payload):
    api_key: ApiKey | None = strawberry.field(default=None, description="The key. Null when nothing was done.")
    token: str | None = strawberry.field(
        default=None,
        description="What the program sends as `Authorization: Bearer ...`. Shown this once: store it now. "
        "Null when nothing was done.",
    )


@strawberry.type(description="An API key, revoked.")
class ApiKeyRevokePayload(Payload):
    api_key: ApiKey | None = strawberry.field(default=None, description="The key. Null when there is none.")


@strawberry.type
class OrgMutation:
    @writes(
        Scope.ORG_WRITE,
        "Change what the organisation is called, what holds for pay, and its calendar. A new calendar puts facts on "
        "the local days that they then fall on, and numbers are computed anew from the day on which it holds.",
    )
    async def organization_update(
        self,
        info: Info,
        expected_version: Annotated[int, strawberry.argument(description="The version that was read.")],
        input: Annotated[OrganizationInput, strawberry.argument(description="What changes.")],
    ) -> OrganizationUpdatePayload:
        ctx = info.context
        calendar = stated(input.calendar)
        await organization_update(
            ctx.work(),
            expected_version=expected_version,
            name=stated(input.name),
            managers_see_pay=stated(input.managers_see_pay),
            several_spiffs=stated(input.several_spiffs),
            change=None if isinstance(calendar, Unset) else calendar.change(),
        )
        (now,) = await organizations(ctx, [ctx.viewer.org_id])
        return OrganizationUpdatePayload(organization=now, user_errors=[])

    @writes(Scope.ORG_WRITE, f"Store users. {_STORED}")
    async def users_upsert(
        self,
        info: Info,
        items: Annotated[list[UserInput], strawberry.argument(description="At most 1,000.")],
    ) -> UsersUpsertPayload:
        done = await users_upsert(info.context.work(), [item.item() for item in items])
        return UsersUpsertPayload(users=await _stored(info.context, users_by_id, done), **_counts(done))

    @writes(Scope.ORG_WRITE, f"Store teams, with their place in the tree in any order. {_STORED}")
    async def teams_upsert(
        self,
        info: Info,
        items: Annotated[list[TeamInput], strawberry.argument(description="At most 1,000.")],
    ) -> TeamsUpsertPayload:
        done = await teams_upsert(info.context.work(), [item.item() for item in items])
        return TeamsUpsertPayload(teams=await _stored(info.context, teams_by_id, done), **_counts(done))

    @writes(Scope.ORG_WRITE, f"Store reps, with moves between teams and leave. {_STORED}")
    async def reps_upsert(
        self,
        info: Info,
        items: Annotated[list[RepInput], strawberry.argument(description="At most 1,000.")],
    ) -> RepsUpsertPayload:
        done = await reps_upsert(info.context.work(), [item.item() for item in items])
        return RepsUpsertPayload(reps=await _stored(info.context, reps_by_id, done), **_counts(done))

    @writes(Scope.ORG_WRITE, f"Store territories, with who covers them. {_STORED}")
    async def territories_upsert(
        self,
        info: Info,
        items: Annotated[list[TerritoryInput], strawberry.argument(description="At most 1,000.")],
    ) -> TerritoriesUpsertPayload:
        done = await territories_upsert(info.context.work(), [item.item() for item in items])
        stored = await _stored(info.context, territories_by_id, done)
        return TerritoriesUpsertPayload(territories=stored, **_counts(done))

    @writes(Scope.KEYS_WRITE, "Create an API key. Its token is in the answer and can never be shown again.")
    async def api_key_create(
        self,
        info: Info,
        input: Annotated[ApiKeyInput, strawberry.argument(description="The key.")],
    ) -> ApiKeyCreatePayload:
        key_id, token = await api_key_create(
            info.context.work(), name=input.name, scopes=input.scopes, expires_at=input.expires_at
        )
        (key,) = await api_keys_by_id(info.context, [key_id])
        return ApiKeyCreatePayload(api_key=key, token=token, user_errors=[])

    @writes(Scope.KEYS_WRITE, "Revoke an API key: it opens nothing any more. Doing it again changes nothing.")
    async def api_key_revoke(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The key's id.")],
    ) -> ApiKeyRevokePayload:
        key_id = uuid_of(id, "ApiKey")
        if key_id is None:
            raise reject("NOT_FOUND", "There is no such key.", "id")
        await api_key_revoke(info.context.work(), key_id)
        (key,) = await api_keys_by_id(info.context, [key_id])
        return ApiKeyRevokePayload(api_key=key, user_errors=[])


async def _stored(ctx: Context, batch: Batch[UUID, T | None], done: Upserted) -> list[T]:
    """Nodes as they are now."""
    found = await batch(ctx, done.ids) if done.ids else []
    return [node for node in found if node is not None]


def _counts(done: Upserted) -> dict[str, Any]:
    return {
        "created": done.created,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "user_errors": [user_error(problem) for problem in done.problems],
    }
