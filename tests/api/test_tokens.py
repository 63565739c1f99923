"""Who a token speaks for, and which tokens speak for nobody."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import SecretStr

from api.auth import Viewers, authenticate
from api.errors import Refusal
from api.relay import global_id
from api.schema import schema
from api.tokens import mint
from domain.org.keys import api_key_create, api_key_revoke
from domain.org.model import SCOPES, Role, Scope, UserItem
from domain.org.people import users_upsert
from domain.work import Work
from settings import Settings
from sql.pool import Unavailable
from tests.api.conftest import Serve
from tests.conftest import MakeOrg

NOW = datetime.now(UTC)
SECRET = "another secret of tests, long enough to sign with"

Keys = dict[str, Any]

WITHDRAWN: dict[str, bool] = {}
"""Keys that the identity provider shows no more."""


@pytest.fixture(scope="module")
def keys() -> Keys:
    """An identity provider's private keys, by algorithm."""
    return {"RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1())}


@pytest.fixture(scope="module")
def jwks_url(keys: Keys) -> Iterator[str]:
    """A real server of its public keys."""
    public = []
    for name, key in keys.items():
        algorithm: Any = jwt.get_algorithm_by_name(name)
        public.append({**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "alg": name, "use": "sig"})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            shown = [key for key in public if key["kid"] not in WITHDRAWN]
            self.wfile.write(json.dumps({"keys": shown}).encode())

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()
    thread.join()
    server.server_close()


def claims(work: Work, **over: Any) -> dict[str, Any]:
    return {
        "iss": "https://id.example",
        "aud": "attain",
        "org": str(work.viewer.org_id),
        "email": "ada@harbor.example",
        "exp": NOW + timedelta(hours=1),
        **over,
    }


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_providers_token_speaks_for_the_user_with_its_address(
    make_org: MakeOrg, keys: Keys, jwks_url: str, algorithm: str
) -> None:
    work = await make_org(admin_email="ada@harbor.example")
    settings = Settings(jwks_url=jwks_url, jwt_issuer="https://id.example")
    token = jwt.encode(claims(work), keys[algorithm], algorithm, {"kid": algorithm})

    viewer, ends = await authenticate(work.db, settings, token, NOW)

    assert (viewer.user_id, viewer.role, viewer.scopes) == (work.viewer.user_id, Role.ADMIN, SCOPES[Role.ADMIN])
    assert ends == (NOW + timedelta(hours=1)).replace(microsecond=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example"},
        {"aud": "somebody else"},
        {"exp": NOW - timedelta(seconds=1)},
        {"email": "nobody@harbor.example"},
        {"org": "not a uuid"},
        {"org": 5},
        {"org": None},
        {"org": "00000000-0000-0000-0000-000000000001"},
    ],
)
async def test_a_token_with_a_wrong_claim_speaks_for_nobody(
    make_org: MakeOrg, keys: Keys, jwks_url: str, wrong: dict[str, Any]
) -> None:
    work = await make_org(admin_email="ada@harbor.example")
    settings = Settings(jwks_url=jwks_url, jwt_issuer="https://id.example")
    token = jwt.encode(claims(work, **wrong), keys["RS256"], "RS256", {"kid": "RS256"})

    with pytest.raises(Refusal) as refusal:
        await authenticate(work.db, settings, token, NOW)
    assert refusal.value.extensions == {"code": "UNAUTHENTICATED"}


async def test_a_key_that_is_published_no_more_signs_nothing(
    make_org: MakeOrg, keys: Keys, jwks_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.auth._KEYS_SECONDS", 1e-9)
    work = await make_org(admin_email="ada@harbor.example")
    settings = Settings(jwks_url=f"{jwks_url}/RS256", jwt_issuer="https://id.example")
    token = jwt.encode(claims(work), keys["RS256"], "RS256", {"kid": "RS256"})
    assert (await authenticate(work.db, settings, token, NOW))[0].name == "Ada Admin"
    monkeypatch.setitem(WITHDRAWN, "RS256", True)
    with pytest.raises(Refusal) as refusal:
        await authenticate(work.db, settings, token, NOW)
    assert refusal.value.extensions == {"code": "UNAUTHENTICATED"}


async def test_while_no_keys_can_be_had_nobody_is_told_that_a_token_is_wrong(make_org: MakeOrg, keys: Keys) -> None:
    work = await make_org(admin_email="ada@harbor.example")
    with socket.create_server(("127.0.0.1", 0)) as closing:
        url = f"http://127.0.0.1:{closing.getsockname()[1]}/keys"
    token = jwt.encode(claims(work), keys["RS256"], "RS256", {"kid": "RS256"})
    with pytest.raises(Unavailable):
        await authenticate(work.db, Settings(jwks_url=url, jwt_issuer="https://id.example"), token, NOW)


async def test_where_keys_are_published_a_shared_secret_signs_nothing(make_org: MakeOrg, jwks_url: str) -> None:
    work = await make_org(admin_email="ada@harbor.example")
    settings = Settings(jwks_url=jwks_url, jwt_issuer="https://id.example", jwt_secret=SecretStr(SECRET))
    token = mint(settings, work.viewer.org_id, "ada@harbor.example", now=NOW, valid=timedelta(hours=1))

    with pytest.raises(Refusal):
        await authenticate(work.db, settings, token, NOW)


async def test_a_key_has_its_own_scopes_until_it_is_revoked(make_org: MakeOrg) -> None:
    work = await make_org()
    key_id, token = await api_key_create(work, name="Partner", scopes=[Scope.QUOTAS_READ], expires_at=None)

    viewer, ends = await authenticate(work.db, Settings(), token, NOW)
    assert (viewer.key_id, viewer.scopes, viewer.role, ends) == (key_id, frozenset({Scope.QUOTAS_READ}), None, None)
    with pytest.raises(Refusal):
        await authenticate(work.db, Settings(), token[:-1] + ("a" if token[-1] != "a" else "b"), NOW)

    await api_key_revoke(work, key_id)
    with pytest.raises(Refusal):
        await authenticate(work.db, Settings(), token, NOW)


async def test_what_was_looked_up_counts_until_it_is_forgotten(make_org: MakeOrg) -> None:
    work, other = await make_org(), await make_org()
    key_id, token = await api_key_create(work, name="Partner", scopes=[Scope.QUOTAS_READ], expires_at=None)
    viewers = Viewers(work.db, Settings())

    viewer, _ = await viewers.of(token, NOW)
    await api_key_revoke(work, key_id)
    viewers.forget(other.viewer.org_id)
    assert await viewers.of(token, NOW) == (viewer, None)
    viewers.forget(work.viewer.org_id)
    with pytest.raises(Refusal):
        await viewers.of(token, NOW)


async def test_a_token_at_its_end_is_looked_up_again(make_org: MakeOrg) -> None:
    work = await make_org(admin_email="ada@harbor.example")
    settings = Settings(jwt_secret=SecretStr(SECRET))
    viewers = Viewers(work.db, settings)
    token = mint(settings, work.viewer.org_id, "ada@harbor.example", now=NOW, valid=timedelta(hours=1))

    _, ends = await viewers.of(token, NOW)
    assert ends is not None
    await users_upsert(work, [UserItem("ada@harbor.example", "Ada, renamed", Role.ADMIN)])
    assert (await viewers.of(token, NOW))[0].name == "Ada Admin"
    assert (await viewers.of(token, ends))[0].name == "Ada, renamed"


async def test_a_key_revoked_by_mutation_opens_nothing_more(serve: Serve, make_org: MakeOrg) -> None:
    work = await make_org()
    revoke = "mutation ($id: ID!) { apiKeyRevoke(id: $id) { userErrors { code } } }"
    asked = {"query": "{ viewer { name } }"}
    key_id, token = await api_key_create(work, name="Partner", scopes=[Scope.QUOTAS_READ], expires_at=None)
    async with serve(schema) as server, server.client(token) as partner, server.client(server.token(work)) as admin:
        assert (await partner.post("/graphql", json=asked)).status_code == 200
        given = {"query": revoke, "variables": {"id": global_id("ApiKey", key_id)}}
        answer = (await admin.post("/graphql", json=given)).json()
        assert answer["data"]["apiKeyRevoke"] == {"userErrors": []}
        assert (await partner.post("/graphql", json=asked)).status_code == 401
