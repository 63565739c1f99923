"""What goes wrong, in two kinds: what a user can act on is data, everything else is masked."""

from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.exceptions import StrawberryInputCoercionError

from domain.errors import Problem
from sql.pool import Unavailable

log = structlog.get_logger("attain.api")

_LONGEST = 500


class Refusal(GraphQLError):
    """A top-level error that the client may see as it is. `code` goes to `extensions.code`."""

    def __init__(self, code: str, message: str, **extensions: object) -> None:
        super().__init__(message, extensions={"code": code, **extensions})


def unauthenticated(message: str) -> Refusal:
    """Nobody, or somebody we do not know."""
    return Refusal("UNAUTHENTICATED", message)


def forbidden(scope: str) -> Refusal:
    """Somebody who may not do this."""
    return Refusal("FORBIDDEN", f"This needs the scope {scope}.", scope=scope)


def bad_request(message: str) -> Refusal:
    """A request that cannot be answered as it is written."""
    return Refusal("BAD_REQUEST", message)


def formatted(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """The error as the client sees it. What we did not mean to show is logged and masked."""
    original = error.original_error
    answer: dict[str, Any] = {"message": _short(error.message)}
    if error.locations:
        answer["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path is not None:
        answer["path"] = error.path
    extensions = dict(error.extensions or {})
    if isinstance(original, StrawberryInputCoercionError) and error.path is not None:
        # Of a `Maybe` that knows no null, which neither the schema nor strawberry's message can tell a client.
        answer["message"] = "An input field is null that may be left out, but not be null."
    elif isinstance(original, GraphQLError):
        extensions = {**dict(original.extensions or {}), **extensions}
    elif isinstance(original, Unavailable) and not isinstance(original, ValueError):
        # (asyncpg calls a value that does not fit its column an InterfaceError too, and a ValueError.)
        log.warning("unavailable", request_id=request_id, error=repr(original))
        answer["message"] = "A server behind this one did not answer in time. Nothing is lost; try again."
        extensions = {"code": "UNAVAILABLE", "retryable": True}
    elif original is not None:
        log.error("internal", request_id=request_id, exc_info=original)
        answer["message"] = "Something went wrong on our side. Quote the request id when you report it."
        extensions = {"code": "INTERNAL"}
    extensions.setdefault("code", "BAD_REQUEST")
    answer["extensions"] = {**extensions, "requestId": request_id}
    return answer


def _short(message: str) -> str:
    """What repeats the input repeats its beginning."""
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"


@strawberry.interface(
    description="Something that the user can act on. A mutation that reports one did not do that part."
)
class UserError:
    code: str = strawberry.field(description="Stable and machine-readable, for example NOT_FOUND.")
    message: str = strawberry.field(description="A sentence that says what to do.")
    path: list[str] = strawberry.field(
        description='The input at fault, outermost first: ["items", "3", "occurredAt"]. Empty when it is the whole.'
    )


@strawberry.type(description="An input that is not acceptable as it is.")
class InvalidInput(UserError):
    pass


@strawberry.type(description="Somebody else changed it since it was read. Read it again and decide.")
class StaleVersion(UserError):
    current_version: int = strawberry.field(description="The version to pass as expectedVersion next time.")


@strawberry.type(description="The base of every mutation's answer.")
class Payload:
    user_errors: list[UserError] = strawberry.field(description="What was not done, and why. Empty when all is well.")


def user_error(problem: Problem) -> UserError:
    """A domain problem as the graph shows it."""
    shared = {"code": problem.code, "message": problem.message, "path": list(problem.path)}
    if problem.code == "STALE_VERSION":
        return StaleVersion(**shared, current_version=problem.detail["current_version"])  # type: ignore[arg-type]
    return InvalidInput(**shared)  # type: ignore[arg-type]
