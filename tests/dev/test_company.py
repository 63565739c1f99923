from datetime import UTC, datetime, timedelta

import orjson
from pydantic import SecretStr

from api.auth import authenticate
from api.tokens import mint
from dev.company import PARTNER, adopt, found
from domain.org.model import Role
from settings import Settings
from sql.migrate import migrate
from sql.pool import Database


async def test_the_smallest_company_has_everybody(db: Database) -> None:
    now = datetime.now(UTC)
    settings = Settings(jwt_secret=SecretStr("s" * 32))
    company = await found(db, now)
    roles = {"admin": Role.ADMIN, "manager": Role.MANAGER, "rep": Role.REP}
    assert set(company.emails) == set(roles)
    for who, role in roles.items():
        token = mint(settings, company.org_id, company.emails[who], now=now, valid=timedelta(hours=1))
        viewer, _ = await authenticate(db, settings, token, now)
        assert (viewer.role, viewer.org_id) == (role, company.org_id)
        assert (viewer.rep_id is not None) == (who == "rep")
    partner, _ = await authenticate(db, settings, company.partner_key, now)
    assert (partner.scopes, partner.role, partner.org_id) == (PARTNER, None, company.org_id)


async def test_who_is_in_a_restored_database_is_taken_over(fresh_database_url: str) -> None:
    await migrate(fresh_database_url)
    db = await Database.open(fresh_database_url, size=2)
    now = datetime.now(UTC)
    assert await adopt(db, now) is None
    company = await found(db, now)
    adopted = await adopt(db, now)
    assert adopted is not None
    assert orjson.loads(orjson.dumps(adopted))["org_id"] == str(company.org_id)
    assert adopted.emails == company.emails
    partner, _ = await authenticate(db, Settings(), adopted.partner_key, now)
    assert (partner.scopes, partner.org_id) == (PARTNER, company.org_id)
    await db.close()
