"""What may be a webhook: where it is, what it hears of, and how long it is tried."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from domain.errors import Rejected
from domain.events import EventKind
from domain.org import rules
from domain.org.model import Viewer
from domain.org.webhooks import MOST, webhook_create
from domain.work import Work
from tests.conftest import MakeOrg

TEAM = frozenset({EventKind.ORG_TEAM})


@pytest.fixture
async def work(make_org: MakeOrg) -> Work:
    return await make_org()


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 ::1 :: "
    "fe80::1%eth0 fd00::1 fec0::1 ff02::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::7f00:1 64:ff9b::7f00:1 "
    "64:ff9b:1::7f00:1 2002:7f00:1::".split(),
)
def test_an_address_that_is_not_public(address: str) -> None:
    assert not rules.public_address(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_an_address_that_is_public(address: str) -> None:
    assert rules.public_address(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/hook",
        "ftp://partner.example/hook",
        "https://",
        "https://[::1",
        "https://user:pass@partner.example/",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest",
        "https://partner.example:99999/",
        "https://partner..example/hook",
        "https://" + "x" * 64 + ".example/hook",
        "https://partner.example/a b",
        "https://partner.example/\r\nHost: other",
        "https://partner.example/" + "x" * 2000,
    ],
)
async def test_an_address_that_cannot_be_a_webhook_is_refused(work: Work, url: str) -> None:
    with pytest.raises(Rejected) as refusal:
        await webhook_create(work, url=url, kinds=TEAM, private=False)
    assert [(problem.code, problem.path) for problem in refusal.value.problems] == [("INVALID_URL", ("input", "url"))]


async def test_a_webhook_hears_of_nothing_that_its_maker_may_not_read(work: Work) -> None:
    scopes = {scope for scope in work.viewer.scopes if scope.startswith(("org:", "webhooks:"))}
    key = Work(work.db, Viewer(work.viewer.org_id, frozenset(scopes), key_id=uuid4()), datetime.now(UTC))
    for kinds, code in (({EventKind.QUOTAS_QUOTA, EventKind.ORG_TEAM}, "SCOPE_NOT_HELD"), (set(), "REQUIRED")):
        with pytest.raises(Rejected) as refusal:
            await webhook_create(key, url="https://partner.example/", kinds=kinds, private=False)
        assert [problem.code for problem in refusal.value.problems] == [code]


async def test_there_are_only_so_many(work: Work) -> None:
    for _ in range(MOST):
        await webhook_create(work, url="https://partner.example/", kinds=TEAM, private=False)
    with pytest.raises(Rejected, match="at most 20"):
        await webhook_create(work, url="https://partner.example/", kinds=TEAM, private=False)


def test_pauses_grow_until_it_is_given_up() -> None:
    pauses = [rules.webhook_pause(n, timedelta(), 500) for n in range(1, 10)]
    seconds = [pause.total_seconds() for pause in pauses if pause is not None]
    assert seconds == [5, 20, 80, 320, 1280, 5120, 20480, 21600, 21600]
    assert rules.webhook_pause(1000, timedelta(days=3), None) is None
    assert rules.webhook_pause(1, timedelta(), 410) is None


def test_every_kind_of_event_that_is_recorded_can_be_heard_of() -> None:
    areas = "|".join(sorted({kind.split(".")[0] for kind in EventKind}))
    named = re.compile(rf'"((?:{areas})\.[a-z_]+)"')
    texts = [
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[3] / "domain").rglob("*.py")
        if path.name != "events.py"
    ]
    assert {kind for text in texts for kind in named.findall(text)} <= set(EventKind)
