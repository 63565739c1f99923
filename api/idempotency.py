"""`Idempotency-Key`: a mutation that is sent again is answered again, and not done again."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson
import structlog

from api.context import Context
from api.documents import Invalid
from api.errors import Refusal, bad_request
from api.operation import Answer, Asked
from sql.pool import Unavailable
from sql.queries import Query, queries

log = structlog.get_logger("attain.api")

_live = queries("live")

LONGEST_KEY = 255
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Once:
    """One request under its key."""

    context: Context
    key: str
    digest: bytes

    @classmethod
    def of(cls, context: Context, key: str, asked: Asked) -> "Once":
        """Raises a BAD_REQUEST for a key that is empty or too long."""
        if not 1 <= len(key) <= LONGEST_KEY:
            raise bad_request(f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
        return cls(context, key, hashlib.sha256(asked.canonical()).digest())

    async def answer(self, run: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer given before, or that of `run`, kept for next time.

        What is worth retrying is not kept; what was applied without leaving an answer is never done twice. Raises
        `Invalid`.
        """
        async with self._in_time():
            if not await self._begin():
                return await self._earlier()
        answer = None
        try:
            answer = await run()
        finally:
            if answer is None or answer.retryable:
                await self._write(_live.idempotency_released)
        if not answer.retryable:
            try:
                await self._write(_live.idempotency_answered, 200 if answer.executed else 400, _encode(answer))
            except Unavailable as error:
                log.warning("answer_not_kept", request_id=self.context.request_id, error=repr(error))
        return answer

    async def _begin(self) -> bool:
        now = self.context.now
        # Long enough that whoever began then cannot be at it still.
        abandoned = now - timedelta(seconds=2 * self.context.settings.request_timeout_seconds)
        return bool(await self.context.value(_live.idempotency_claim, self._who, self.key, self.digest, now, abandoned))

    async def _earlier(self) -> Answer:
        row = await self.context.row(_live.idempotency_found, self._who, self.key)
        if row is None:  # released in this moment
            raise Invalid(_in_progress())
        if row["request_hash"] != self.digest:
            raise Invalid(bad_request("This Idempotency-Key was used for another request. Use a new one."))
        if row["status"] is not None:
            body = orjson.loads(row["response"])
            return Answer(body, executed=row["status"] == 200, headers={REPLAYED: "true"})
        age = self.context.now - row["created_at"]
        if row["applied"] and age > timedelta(seconds=2 * self.context.settings.request_timeout_seconds):
            raise Invalid(
                Refusal(
                    "ALREADY_APPLIED",
                    "This request was applied, but its answer was lost. Read the state instead of sending it again.",
                )
            )
        raise Invalid(_in_progress())

    async def _write(self, query: Query, *args: object) -> None:
        async with self._in_time(), self.context.db.session(self.context.viewer.org_id) as session:
            await session.execute(query, self._who, self.key, *args)

    def _in_time(self) -> asyncio.Timeout:
        return asyncio.timeout(self.context.settings.request_timeout_seconds)

    @property
    def _who(self) -> UUID | None:
        return self.context.viewer.actor_id


def _encode(answer: Answer) -> str:
    return orjson.dumps(answer.body, default=str).decode()


def _in_progress() -> Refusal:
    return Refusal("UNAVAILABLE", "The first request with this Idempotency-Key is still at work.", retryable=True)
