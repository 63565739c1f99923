"""Sends webhooks what they are to hear.

Deliveries wait for servers of others, so they are tasks of their own and no jobs of the queue. What is connected to is
looked up here and must be on the public net: the name of a webhook's address can lead anywhere, also a moment after it
was looked at.
"""

import asyncio
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

import httpcore
import orjson
import structlog
from standardwebhooks import Webhook

from domain.org.rules import public_address
from domain.org.webhooks import Delivery, Message, deliveries, schedule
from domain.work import Work
from settings import Settings
from sql.pool import Database, Unavailable
from workers import metrics

log = structlog.get_logger("attain.webhooks")

_AT_ONCE = 50
_LONGEST_ANSWER = 64_000


class NotPublic(Exception):
    """The address leads into a network that is not everybody's."""


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to public addresses alone, unless told otherwise; to the very one that was checked."""

    def __init__(self, private: bool) -> None:
        self._private = private
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 as httpcore calls it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        if not self._private and not all(map(public_address, addresses)):
            raise NotPublic
        for address in addresses[:-1]:
            try:
                return await self._real.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._real.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)


class Deliverer:
    """One per worker process. `wake` it for an organisation, `close` it at the end."""

    def __init__(self, db: Database, options: Settings) -> None:
        self._db = db
        self._options = options
        self._http = httpcore.AsyncConnectionPool(
            network_backend=_Guarded(options.webhook_allow_private), max_connections=_AT_ONCE, keepalive_expiry=30
        )
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._again: set[UUID] = set()

    def wake(self, org_id: UUID) -> None:
        """Deliver what is due in an organisation, unless it is being done; then once more."""
        if org_id in self._running:
            self._again.add(org_id)
        else:
            self._running[org_id] = asyncio.create_task(self._run(org_id))

    async def close(self) -> None:
        """Stop. What was being sent is sent again by another worker, once the lease has ended."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.aclose()

    async def _run(self, org_id: UUID) -> None:
        try:
            async with self._slots:
                due = True
                while due:
                    self._again.discard(org_id)
                    found = await deliveries(Work.system(self._db, org_id))
                    if found:
                        # What breaks one of them is told once the others are through.
                        for failure in await asyncio.gather(*map(self._deliver, found), return_exceptions=True):
                            if failure is not None:
                                raise failure
                        await schedule(Work.system(self._db, org_id))
                    due = org_id in self._again
        except Unavailable as error:
            log.warning("webhooks_wait", org_id=str(org_id), error=repr(error))
        except Exception:
            log.exception("webhooks_failed", org_id=str(org_id))
        finally:
            del self._running[org_id]

    async def _deliver(self, to: Delivery) -> None:
        """One message after the other, until nothing is left or one is not taken."""

        def now() -> Work:
            return Work.system(self._db, to.org_id)

        while messages := await to.messages(now()):
            for message in messages:
                status, error = await self._send(to, message)
                metrics.webhooks.labels("delivered" if error is None else "failed").inc()
                if error is not None:
                    goes_on = await to.failed(now(), status, error)
                    told = {"org_id": str(to.org_id), "webhook_id": str(to.webhook_id), "error": error}
                    log.warning("webhook_failed" if goes_on else "webhook_disabled", **told)
                    return
                if not await to.delivered(now(), message, status or 200):
                    return
        await to.released(now())

    async def _send(self, to: Delivery, message: Message) -> tuple[int | None, str | None]:
        """The status of the answer, and what is wrong in words that are shown to the organisation."""
        body = orjson.dumps(message.body)
        now = datetime.now(UTC)
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "User-Agent": "Attain-Webhooks",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(to.secret).sign(message.id, now, body.decode()),
        }
        if not to.url.lower().startswith("https:") and not self._options.webhook_allow_private:
            return None, "The address is not https."
        seconds = self._options.webhook_timeout_seconds
        try:
            async with (
                asyncio.timeout(seconds),
                self._http.stream("POST", to.url, headers=headers, content=body) as got,
            ):
                read = 0
                async for chunk in got.aiter_stream():
                    read += len(chunk)
                    if read > _LONGEST_ANSWER:  # nobody looks at it; read so that the connection can be used again
                        break
        except NotPublic:
            return None, "The address is not on the public net."
        except (TimeoutError, httpcore.TimeoutException):
            return None, f"No answer within {seconds:g} s."
        except (OSError, UnicodeError, httpcore.NetworkError, httpcore.ProtocolError) as failure:
            return None, f"No answer: {type(failure).__name__}."
        if 200 <= got.status < 300:
            return got.status, None
        return got.status, f"The answer was {got.status}."
