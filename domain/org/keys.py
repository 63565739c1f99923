"""API keys of partners: shown once, stored as a hash."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from domain.errors import Problem, Rejected, reject
from domain.org import rules
from domain.org.model import PAY_SCOPES, Scope
from domain.work import Work
from sql.pool import uuid7
from sql.queries import queries

_org = queries("org")

KEY_PREFIX = "atk_"


async def api_key_create(
    work: Work, *, name: str, scopes: Collection[Scope], expires_at: datetime | None
) -> tuple[UUID, str]:
    """A new key with scopes that its maker has too; returns its id and the token, which nobody can show again.

    A key with a scope of incentives sees everybody's pay: only who does makes one.

    Raises `Rejected`: BLANK, TOO_LONG, INVALID_TEXT, REQUIRED, SCOPE_NOT_HELD, INVALID_EXPIRY.
    """
    problems = rules.named(name, "input", "name")
    if not scopes:
        problems.append(Problem("REQUIRED", "A key needs at least one scope.", ("input", "scopes")))
    held = work.viewer.scopes if work.viewer.sees_all_pay else work.viewer.scopes - PAY_SCOPES
    beyond = sorted(set(scopes) - held)
    if beyond:
        message = f"You cannot give what you do not have: {', '.join(beyond)}."
        problems.append(Problem("SCOPE_NOT_HELD", message, ("input", "scopes")))
    if expires_at is not None and expires_at <= work.now:
        problems.append(Problem("INVALID_EXPIRY", "A key expires in the future.", ("input", "expiresAt")))
    if problems:
        raise Rejected(*problems)
    key_id, secret = uuid7(), secrets.token_urlsafe(32)
    async with work.transaction() as tx:
        await tx.execute(
            _org.api_key_add,
            key_id,
            name,
            hashlib.sha256(secret.encode()).digest(),
            secret[-4:],
            sorted(set(scopes)),
            work.viewer.actor_id,
            work.now,
            expires_at,
        )
        tx.audit("apiKeyCreate", "ApiKey", str(key_id), name=name, scopes=sorted(set(scopes)))
    return key_id, f"{KEY_PREFIX}{work.viewer.org_id.hex}_{key_id.hex}_{secret}"


async def api_key_revoke(work: Work, key_id: UUID) -> None:
    """From now on the key opens nothing; revoking it again changes nothing. Raises `Rejected` NOT_FOUND."""
    async with work.transaction() as tx:
        if not await tx.fetch(_org.api_keys_by_id, [key_id]):
            raise reject("NOT_FOUND", "There is no such key.", "id")
        if await tx.execute(_org.api_key_revoke, key_id, work.now):
            tx.audit("apiKeyRevoke", "ApiKey", str(key_id))
