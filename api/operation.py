"""One operation, whatever carried it here: who asks, what it asks, what it costs, its answer."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
import uuid_utils
from graphql import ExecutionResult, GraphQLError, OperationType

import telemetry
from api import metrics
from api.auth import Viewers
from api.budget import Budget
from api.context import Calendars, Context
from api.deadlines import Deadline
from api.documents import Documents, Invalid, Prepared, has_zero, too_dear
from api.errors import Refusal, bad_request, formatted, unauthenticated
from api.execution import Execution
from api.holdings import Holdings
from api.kept import Kept
from api.persisted import Persisted, document_id
from domain.org.model import Viewer
from settings import Settings
from sql.pool import Database, statements

log = structlog.get_logger("attain.api")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def request_id(given: str | None) -> str:
    """The caller's id when it is a sane one, otherwise a new one."""
    return given if given and _REQUEST_ID.fullmatch(given) else uuid_utils.uuid7().hex


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a GraphQL request. `query` is empty when only `document_id` says what is asked."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None
    document_id: str | None = None

    @classmethod
    def of(cls, given: object) -> "Asked":
        """From decoded JSON. Raises a BAD_REQUEST that says what is wrong with it."""
        if not isinstance(given, dict):
            raise bad_request("A request is a JSON object with `query`.")
        query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
        extensions = given.get("extensions")
        if extensions is not None and not isinstance(extensions, dict):
            raise bad_request("`extensions` is not an object.")
        named = document_id(given, extensions or {})
        if query is None and named is not None:
            query = ""
        if not isinstance(query, str):
            raise bad_request("`query` is missing or not a string.")
        if variables is not None and not isinstance(variables, dict):
            raise bad_request("`variables` is not an object.")
        if name is not None and not isinstance(name, str):
            raise bad_request("`operationName` is not a string.")
        return cls(query, variables or {}, name or None, named)

    def canonical(self) -> bytes:
        """The same bytes for the same request, however its JSON was written."""
        try:
            return orjson.dumps([self.query, self.operation_name, self.variables], option=orjson.OPT_SORT_KEYS)
        except TypeError:
            raise bad_request("`variables` is nested too deeply.") from None


def decode(raw: bytes | str) -> Any:
    """JSON as sent. Raises a BAD_REQUEST."""
    try:
        decoded = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise bad_request("The request is not JSON in UTF-8.") from None
    if ("\\u0000" if isinstance(raw, str) else b"\\u0000") in raw:  # type: ignore[operator]
        raise has_zero()
    return decoded


@dataclass(slots=True)
class Answer:
    """A response before it is encoded. `executed` is False when the request was refused as a whole."""

    body: dict[str, Any]
    executed: bool
    code: str = "OK"
    cost: int = 0
    statements: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return any(error["extensions"].get("retryable") for error in self.body.get("errors", ()))


@dataclass(slots=True)
class Api:
    """What every transport shares; one per process."""

    settings: Settings
    db: Database
    viewers: Viewers
    documents: Documents
    persisted: Persisted
    execution: Execution
    budget: Budget
    calendars: Calendars = field(default_factory=Calendars)
    kept: Kept = field(default_factory=Kept)
    in_time: Deadline = field(init=False)
    holdings: Holdings = field(init=False)

    def __post_init__(self) -> None:
        self.holdings = Holdings(self.settings)
        self.in_time = Deadline(self.settings.request_timeout_seconds)

    async def viewer(self, authorization: str | None) -> tuple[Viewer, datetime | None]:
        """Who asks and until when, from an Authorization header. Raises what `Viewers.of` does."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthenticated("Send `Authorization: Bearer` with a token or an API key.")
        return await self.viewers.of(token.strip(), datetime.now(UTC))

    def context(
        self, viewer: Viewer, request_id: str, idempotency_key: str | None = None, traceparent: str | None = None
    ) -> Context:
        """Fresh loaders and one clock for one operation."""
        now = datetime.now(UTC)
        return Context(self.db, viewer, now, self.settings, request_id, idempotency_key, traceparent, kept=self.kept)

    async def read(self, given: object) -> tuple[Asked, Prepared]:
        """What is asked, and the operation that asks it. Raises a BAD_REQUEST, and `Invalid`."""
        asked = Asked.of(given)
        named = asked.document_id
        if named is not None and not asked.query:
            asked = replace(asked, query=await self.persisted.find(named))
        else:
            self.persisted.check(named, asked.query)
        prepared = self.documents.prepare(asked.query, asked.operation_name)
        if named is not None:
            await self.persisted.keep(named, asked.query)
        return asked, prepared

    def charge(self, prepared: Prepared, variables: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The extensions that say what the operation costs. Raises `Invalid` when that is too much."""
        cost = prepared.cost(variables)
        if cost > self.settings.max_cost:
            raise Invalid(too_dear(cost, self.settings.max_cost))
        try:
            who = context.viewer.actor_id or context.viewer.org_id
            context.balance = self.budget.spend(who, cost, context.now)
        except Refusal as refusal:
            raise Invalid(refusal) from None
        return {"cost": context.balance.extension()}

    async def answer(self, asked: Asked, prepared: Prepared, context: Context, transport: str) -> Answer:
        """Execute a query or mutation. Never raises but for cancellation."""
        with telemetry.span(f"{prepared.verb} {prepared.root}", [context.traceparent], operation=prepared.name) as note:
            answer = await self._answer(asked, prepared, context, transport)
            note(code=answer.code, statements=answer.statements, request_id=context.request_id)
        return answer

    async def _answer(self, asked: Asked, prepared: Prepared, context: Context, transport: str) -> Answer:
        outer = statements.get()
        counted: list[str] = []
        token = statements.set(counted)
        started = time.perf_counter()
        if prepared.kind is OperationType.QUERY:
            context.calendars = self.calendars
        try:
            extensions = self.charge(prepared, asked.variables, context)
            with self.in_time():
                result = await self.execution.execute(prepared, asked.variables, context)
            answer = Answer(encodable(result, context.request_id), True)
            answer.body["extensions"] = extensions
            answer.cost = extensions["cost"]["requested"]
            answer.code = _code(answer.body)
        except Invalid as invalid:
            answer = refused(invalid.errors, context.request_id)
        except TimeoutError:
            answer = refused([_too_slow(self.settings.request_timeout_seconds)], context.request_id)
        finally:
            if prepared.kind is OperationType.MUTATION:
                self.viewers.forget(context.viewer.org_id)
                self.calendars.forget(context.viewer.org_id)
            context.forget()
            statements.reset(token)
            if outer is not None:
                outer.extend(counted)
        answer.statements = len(counted)
        metrics.requests_of(transport, prepared.verb, prepared.root, answer.code).inc()
        metrics.duration.observe(time.perf_counter() - started, prepared.verb, prepared.root)
        metrics.statements.observe(len(counted), prepared.root)
        return answer


def encodable(result: ExecutionResult, request_id: str) -> dict[str, Any]:
    """`data` and, when there are any, `errors`, masked."""
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = [formatted(error, request_id) for error in result.errors]
    body["data"] = result.data
    return body


def refused(errors: "list[GraphQLError] | tuple[GraphQLError, ...]", request_id: str) -> Answer:
    """The answer to a request of which nothing was executed."""
    body = {"errors": [formatted(error, request_id) for error in errors]}
    return Answer(body, executed=False, code=_code(body))


def _code(body: Mapping[str, Any]) -> str:
    errors = body.get("errors")
    return str(errors[0]["extensions"]["code"]) if errors else "OK"


def _too_slow(seconds: float) -> Refusal:
    message = f"The operation took longer than {seconds:g} s and was stopped. What it had not committed did not happen."
    return Refusal("UNAVAILABLE", message, retryable=True)


def is_subscription(prepared: Prepared) -> bool:
    """Whether the operation streams."""
    return prepared.kind is OperationType.SUBSCRIPTION
