"""Documents that clients name by their hash instead of sending them, however they say so.

`documentId: "sha256:..."` is the GraphQL-over-HTTP specification's, `extensions.persistedQuery` Apollo's. Trusted
documents come with a release of a front end, in a file. Others are registered by whoever sends text and hash together
("automatic persisted queries"); they are kept in memory, and in Valkey for the other processes.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.documents import Invalid
from api.errors import Refusal, bad_request

log = structlog.get_logger("attain.api")

# What Apollo's and urql's clients wait for: they send the text then.
NOT_FOUND = "PersistedQueryNotFound"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = "attain:document:{}"
_KEPT = 1_000
_KEPT_SECONDS = 7 * 24 * 3600
_LONGEST = 64_000
_VALKEY_SECONDS = 0.5


class BadManifest(Exception):
    """The file of trusted documents cannot be used; the message says why."""


def trusted_documents(path: Path | None) -> dict[str, str]:
    """The documents of a file by their ids: `{id: document}`, or Apollo's manifest. Raises `BadManifest`."""
    if path is None:
        return {}
    try:
        manifest = orjson.loads(path.read_bytes())
        if isinstance(manifest, dict) and manifest.get("format") == "apollo-persisted-query-manifest":
            manifest = {operation["id"]: operation["body"] for operation in manifest["operations"]}
    except OSError as failure:
        raise BadManifest(f"{path} cannot be read: {failure.strerror}.") from None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise BadManifest(f"{path} is neither a JSON object of documents nor Apollo's manifest.") from None
    if not (isinstance(manifest, dict) and all(isinstance(text, str) for text in manifest.values())):
        raise BadManifest(f"{path} is not a JSON object whose values are documents.")
    return {_plain(id_): text for id_, text in manifest.items()}


def document_id(given: Mapping[str, object], extensions: Mapping[str, object]) -> str | None:
    """By what a request names its document, if it does. Raises a BAD_REQUEST when it does so in no known way."""
    named = given.get("documentId")
    if named is None:
        apollo = extensions.get("persistedQuery")
        if apollo is None:
            return None
        named = apollo.get("sha256Hash") if isinstance(apollo, dict) and apollo.get("version") == 1 else None
    if not isinstance(named, str) or not named:
        raise bad_request("`documentId` is a string; `extensions.persistedQuery` has `version: 1` and `sha256Hash`.")
    return _plain(named)


class Persisted:
    """What is known by name; one per process."""

    def __init__(self, valkey: Redis, trusted: Mapping[str, str], *, only_trusted: bool) -> None:
        self._valkey = valkey
        self._trusted = trusted
        self._only = frozenset(trusted.values()) if only_trusted else None
        self._known: OrderedDict[str, str] = OrderedDict()

    def check(self, id_: str | None, text: str) -> None:
        """Raise a BAD_REQUEST when the text is not what the id says, and `Invalid` when it may not be asked at all."""
        if self._only is not None and text not in self._only:
            raise _not_found("Only documents that were registered with a release are answered here.")
        if id_ is None or self._trusted.get(id_) == text:
            return
        if hashlib.sha256(text.encode()).hexdigest() != id_:
            raise bad_request("The hash is not the SHA-256 of the document's text.")

    async def find(self, id_: str) -> str:
        """The document's text. Raises `Invalid` (DOCUMENT_NOT_FOUND)."""
        text = self._trusted.get(id_) or self._known.get(id_)
        if text is None and self._only is None and _SHA256.fullmatch(id_):
            try:
                async with asyncio.timeout(_VALKEY_SECONDS):
                    kept = await self._valkey.get(_KEY.format(id_))
            except (RedisError, OSError) as error:  # the client sends the text then
                log.warning("documents_unreachable", error=repr(error))
                kept = None
            if kept is not None and hashlib.sha256(kept).hexdigest() == id_:
                text = kept.decode()
                self._remember(id_, text)
        if text is None:
            raise _not_found(NOT_FOUND)
        return text

    async def keep(self, id_: str, text: str) -> None:
        """Remember a valid document by its hash."""
        if id_ in self._trusted or id_ in self._known or len(text) > _LONGEST:
            return
        self._remember(id_, text)
        try:
            async with asyncio.timeout(_VALKEY_SECONDS):
                await self._valkey.set(_KEY.format(id_), text, ex=_KEPT_SECONDS)
        except (RedisError, OSError) as error:  # other processes ask for it once more
            log.warning("documents_unreachable", error=repr(error))

    def _remember(self, id_: str, text: str) -> None:
        self._known[id_] = text
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)


def _plain(id_: str) -> str:
    return id_.removeprefix("sha256:")


def _not_found(message: str) -> Invalid:
    return Invalid(Refusal("DOCUMENT_NOT_FOUND", message))
