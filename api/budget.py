"""What each viewer may spend a minute, over all processes.

Spending is decided in memory, so that a request never waits for Valkey and does not fail without it; totals are
exchanged a few times a second. Several processes may together overrun a budget by what is spent between two exchanges.
"""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.errors import Refusal

log = structlog.get_logger("attain.api")

_MINUTE = 60
_EXCHANGE_SECONDS = 0.1
_RETRY_SECONDS = 1.0


class Balance(NamedTuple):
    """What one operation asked for and what is left of the minute."""

    requested: int
    limit: int
    remaining: int
    reset_at: datetime

    def extension(self) -> dict[str, object]:
        """As `extensions.cost` shows it."""
        return {
            "requested": self.requested,
            "limit": self.limit,
            "remaining": self.remaining,
            "resetAt": _written(self.reset_at),
        }


@lru_cache(maxsize=1)
def _written(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


class Budget:
    """One per process. `run` exchanges totals until cancelled."""

    def __init__(self, valkey: Redis, per_minute: int) -> None:
        self._valkey = valkey
        self._limit = per_minute
        self._minute = 0
        self._reset_at = datetime.fromtimestamp(0, UTC)
        self._spent: defaultdict[UUID, int] = defaultdict(int)
        self._unshared: defaultdict[UUID, int] = defaultdict(int)
        self._wake = asyncio.Event()

    def spend(self, who: UUID, cost: int, now: datetime) -> Balance:
        """Take the cost off this minute's budget. Raises RATE_LIMITED when there is not enough left."""
        self._turn(int(now.timestamp()) // _MINUTE)
        spent = self._spent[who] + cost
        balance = Balance(cost, self._limit, self._limit - spent, self._reset_at)
        if balance.remaining < 0:
            seconds = max(1, round((balance.reset_at - now).total_seconds()))
            raise Refusal(
                "RATE_LIMITED",
                f"The budget of this minute is spent; it is renewed in {seconds} s.",
                retryable=True,
                retryAfterSeconds=seconds,
            )
        self._spent[who] = spent
        self._unshared[who] += cost
        self._wake.set()
        return balance

    def _turn(self, minute: int) -> None:
        if minute != self._minute:
            self._minute = minute
            self._reset_at = datetime.fromtimestamp((minute + 1) * _MINUTE, UTC)
            self._spent.clear()
            self._unshared.clear()

    async def run(self) -> None:
        """Tell Valkey what was spent here and hear what was spent elsewhere."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            minute, fresh = self._minute, dict(self._unshared)
            self._unshared.clear()
            try:
                totals = await self._exchange(minute, fresh)
            except (RedisError, OSError) as error:
                log.warning("budget_alone", error=repr(error))
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if minute == self._minute:
                for who, total in totals.items():
                    self._spent[who] = total + self._unshared[who]
            await asyncio.sleep(_EXCHANGE_SECONDS)

    async def _exchange(self, minute: int, fresh: dict[UUID, int]) -> dict[UUID, int]:
        async with self._valkey.pipeline(transaction=False) as pipe:
            for who, cost in fresh.items():
                key = f"attain:cost:{minute}:{who.hex}"
                pipe.incrby(key, cost)
                pipe.expire(key, 2 * _MINUTE)
            results = await pipe.execute()
        return dict(zip(fresh, results[::2], strict=True))
