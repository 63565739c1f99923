"""Who asks: a bearer token (a person) or an API key (a partner), turned into a Viewer with scopes."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import jwt
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import AsyncExtensionResolver
from strawberry.schema_directive import Location
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from api.context import Context, Info
from api.deadlines import Deadline
from api.engine import Gate
from api.errors import forbidden, unauthenticated, user_error
from domain.errors import Rejected
from domain.org.model import Scope, Viewer
from domain.org.sight import person
from settings import Settings
from sql.pool import Database
from sql.queries import queries

_access = queries("access")

KEY_PREFIX = "atk_"

# How long what was looked up of a token counts, and of how many tokens.
_VIEWER_SECONDS = 2.0
_MOST_VIEWERS = 10_000

# How long what the identity provider shows as its keys counts.
_KEYS_SECONDS = 300.0


class Viewers:
    """Who stands behind tokens. One per process.

    What was looked up counts for a moment. Whoever loses access or changes role keeps what it had that much longer at
    most, as on a subscription; after a mutation that this process answered, nobody of the organisation does.
    """

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._known: dict[bytes, tuple[float, Viewer, datetime | None]] = {}
        self._in_time = Deadline(settings.request_timeout_seconds)

    async def of(self, token: str, now: datetime) -> tuple[Viewer, datetime | None]:
        """The viewer behind a token, and when the token ends.

        Raises UNAUTHENTICATED, and one of `Unavailable` when that cannot be found out, or not within the timeout.
        """
        key = hashlib.sha256(token.encode()).digest()
        known = self._known.get(key)
        if known is not None:
            until, viewer, expires = known
            if time.monotonic() < until and (expires is None or now < expires):
                return viewer, expires
            del self._known[key]
        with self._in_time():
            viewer, expires = await authenticate(self._db, self._settings, token, now)
        if len(self._known) >= _MOST_VIEWERS:
            self._known.clear()
        self._known[key] = time.monotonic() + _VIEWER_SECONDS, viewer, expires
        return viewer, expires

    def forget(self, org_id: UUID) -> None:
        """Look everybody of an organisation up anew."""
        self._known = {key: known for key, known in self._known.items() if known[1].org_id != org_id}


async def authenticate(db: Database, settings: Settings, token: str, now: datetime) -> tuple[Viewer, datetime | None]:
    """The viewer behind a token, and when the token ends. Raises UNAUTHENTICATED, which does not tell why in detail."""
    if token.startswith(KEY_PREFIX):
        return await _by_key(db, token, now), None
    claims = await _claims(settings, token)
    try:
        org_id, email = UUID(str(claims["org"])), str(claims["email"])
    except (KeyError, ValueError):
        raise unauthenticated("The token lacks the claims `org` (a uuid) and `email`.") from None
    async with db.session(org_id) as session:
        viewer = await person(session, email)
    if viewer is None:
        raise unauthenticated("No active user of this organisation has the token's e-mail address.")
    return viewer, datetime.fromtimestamp(claims["exp"], UTC)


async def _by_key(db: Database, token: str, now: datetime) -> Viewer:
    refusal = unauthenticated("The API key is not valid.")
    try:
        org_text, key_text, secret = token.removeprefix(KEY_PREFIX).split("_", 2)
        org_id, key_id = UUID(org_text), UUID(key_text)
    except ValueError:
        raise refusal from None
    async with db.session(org_id) as session:
        row = await session.row(_access.key_by_id, key_id, now)
    if row is None or not hmac.compare_digest(row["hash"], hashlib.sha256(secret.encode()).digest()):
        raise refusal
    scopes = frozenset(Scope(scope) for scope in row["scopes"])
    return Viewer(org_id, scopes, None, None, row["key_id"], None, row["name"])


async def _claims(settings: Settings, token: str) -> dict[str, Any]:
    """What a token says. Raises UNAUTHENTICATED, and `ConnectionError` when the keys that it is checked by are away."""
    try:
        if settings.jwks_url:
            key: Any = (await asyncio.to_thread(_jwks(settings.jwks_url).get_signing_key_from_jwt, token)).key
            algorithms = ["RS256", "ES256"]
        elif settings.jwt_secret is not None:
            key, algorithms = settings.jwt_secret.get_secret_value(), ["HS256"]
        else:
            raise unauthenticated("This server accepts API keys only: neither a JWKS address nor a secret is set.")
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=settings.jwt_audience,
            issuer=settings.jwt_issuer,
            options={"require": ["exp"]},
        )
    except jwt.PyJWKClientConnectionError:
        raise ConnectionError("The identity provider's keys cannot be fetched.") from None
    except jwt.ExpiredSignatureError:
        raise unauthenticated("The token has expired.") from None
    except jwt.PyJWTError:
        raise unauthenticated("The token is not valid.") from None


@cache
def _jwks(url: str) -> jwt.PyJWKClient:
    """Keys are fetched anew after a while, so that withdrawn ones end, and when a token names one that is not known."""
    return jwt.PyJWKClient(url, lifespan=_KEYS_SECONDS, timeout=5)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION], description="The scope that a viewer needs for this field."
)
class RequiresScope:
    scope: str = strawberry.directive_field(name="scope")


# The parameters of `resolve_async` below are positional: a field's own argument may be called `source`.


class Requires(Gate):
    """Refuses viewers without a scope, and shows the scope in the schema.

    The field is nullable, so that a refusal takes nothing else of the answer along.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def apply(self, field: StrawberryField) -> None:
        if any(isinstance(directive, RequiresScope) for directive in field.directives):
            return  # applied for another schema before
        field.directives = [*field.directives, RequiresScope(scope=self.scope.value)]
        if not field.is_subscription and not isinstance(field.type, StrawberryOptional):
            field.type = StrawberryOptional(field.type)

    def refusal(self, context: Context) -> Exception | None:
        """FORBIDDEN without the scope."""
        return None if self.scope in context.viewer.scopes else forbidden(self.scope)


class Decides(FieldExtension):
    """Turns a domain refusal into the payload's `userErrors`."""

    def apply(self, field: StrawberryField) -> None:
        shown = field.type
        self.payload: Any = shown.of_type if isinstance(shown, StrawberryOptional) else shown

    async def resolve_async(self, next_: AsyncExtensionResolver, source: Any, info: Info, /, **kwargs: Any) -> Any:  # type: ignore[override]
        try:
            return await next_(source, info, **kwargs)
        except Rejected as refusal:
            return self.payload(user_errors=[user_error(problem) for problem in refusal.problems])
        finally:
            info.context.forget()


def reads(scope: Scope, description: str, **options: Any) -> Callable[..., Any]:
    """A root field of Query: `@reads(Scope.ORG_READ, "Reps that the viewer sees.")`."""
    field: Callable[..., Any] = strawberry.field(description=description, extensions=[Requires(scope)], **options)
    return field


def writes(scope: Scope, description: str, **options: Any) -> Callable[..., Any]:
    """A root field of Mutation. Its payload type derives from `Payload` and has a default for every other field."""
    extensions = [Requires(scope), Decides()]
    field: Callable[..., Any] = strawberry.mutation(description=description, extensions=extensions, **options)
    return field
