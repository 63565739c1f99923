"""A rep doubts a line; who approves answers, and may adjust."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from domain.errors import Rejected
from domain.feed.actions import action_item_comment, action_item_complete, action_item_dismiss, action_item_start
from domain.feed.model import DismissReason
from domain.incentives.disputes import Redress, dispute_comment, dispute_open, dispute_resolve, dispute_withdraw
from domain.incentives.model import Dispute, DisputeStatus
from tests.domain.incentives.conftest import NOVEMBER, Company, plan


@pytest.fixture
async def paid(company: Company) -> Company:
    await company.publish(plan(), "ann", "bob")
    await company.deal("d1", "ann", date(2026, 11, 20), "12000")
    await company.settle()
    return company


async def line_of(company: Company, rep: str) -> UUID:
    line: UUID = (await company.lines(rep))[0]["line_id"]
    return line


async def opened(company: Company) -> Dispute:
    return await dispute_open(company.as_("ann"), await line_of(company, "ann"), text="The rate was 12 %.")


async def test_a_dispute_reaches_who_approves_as_an_item_without_money(paid: Company) -> None:
    dispute = await opened(paid)
    [item] = await paid.fetch("select * from action_item where org_id = $1 and kind = 'DISPUTE'")
    assert (item["item_id"], item["assignee_id"]) == (dispute.item_id, paid.users["cleo"])
    assert not any(part in item["title"] + item["body"] for part in ("1200", "1,200", "12 %"))
    [event] = await paid.events("incentives.dispute")
    assert (event["change"], event["rep_id"]) == ("CREATED", paid.reps["ann"])


async def test_only_the_rep_doubts_its_lines_and_once_at_a_time(paid: Company) -> None:
    line = await line_of(paid, "ann")
    for name in ("bob", "mia", "cleo"):
        with pytest.raises(Rejected) as refusal:
            await dispute_open(paid.as_(name), line, text="Mine?")
        assert refusal.value.problems[0].code == "NOT_FOUND"
    await opened(paid)
    with pytest.raises(Rejected) as refusal:
        await opened(paid)
    assert refusal.value.problems[0].code == "ALREADY_OPEN"
    assert len(await paid.fetch("select from action_item where org_id = $1 and kind = 'DISPUTE'")) == 1


async def test_an_accepted_dispute_adjusts_and_closes_the_item(paid: Company) -> None:
    dispute = await opened(paid)
    await dispute_comment(paid.as_("cleo"), dispute.dispute_id, text="Which contract?")
    answered = await dispute_resolve(
        paid.as_("cleo"),
        dispute.dispute_id,
        accepted=True,
        answer="Agreed.",
        redress=Redress(Decimal(240), "USD", NOVEMBER),
        expected_version=dispute.version,
    )
    assert answered.status is DisputeStatus.ACCEPTED
    assert await paid.total("ann", NOVEMBER) == "1440.00"
    [item] = await paid.fetch("select status from action_item where org_id = $1 and kind = 'DISPUTE'")
    assert item["status"] == "DONE"
    told = await paid.fetch("select kind, line_id from dispute_event where org_id = $1 order by event_id")
    assert [row["kind"] for row in told] == ["OPENED", "COMMENTED", "ACCEPTED"]
    assert told[-1]["line_id"] == (await paid.lines("ann"))[-1]["line_id"]


async def test_only_the_answer_closes_the_item(paid: Company) -> None:
    dispute = await opened(paid)
    cleo = paid.as_("cleo")
    for closing in (
        action_item_complete(cleo, dispute.item_id, outcome="Done."),
        action_item_dismiss(cleo, dispute.item_id, reason=DismissReason.NOT_RELEVANT),
        action_item_complete(paid.as_("ann"), dispute.item_id, outcome="Never mind."),
    ):
        with pytest.raises(Rejected) as refusal:
            await closing
        assert refusal.value.problems[0].code == "DISPUTE_OPEN"
    await action_item_start(cleo, dispute.item_id)
    await action_item_comment(cleo, dispute.item_id, comment="Asked finance.")
    [item] = await paid.fetch("select status, outcome from action_item where org_id = $1 and kind = 'DISPUTE'")
    assert tuple(item) == ("IN_PROGRESS", None)
    await dispute_resolve(cleo, dispute.dispute_id, accepted=False, answer="It is 10 %.")
    [item] = await paid.fetch("select status, outcome from action_item where org_id = $1 and kind = 'DISPUTE'")
    assert tuple(item) == ("DONE", "The dispute was rejected.")
    await action_item_comment(cleo, dispute.item_id, comment="Told her.")


async def test_nobody_answers_their_own_dispute_or_one_that_is_closed(paid: Company) -> None:
    dispute = await opened(paid)
    with pytest.raises(Rejected) as refusal:
        await dispute_resolve(paid.as_("ann"), dispute.dispute_id, accepted=True, answer="Yes.")
    assert refusal.value.problems[0].code == "FORBIDDEN"
    with pytest.raises(Rejected) as refusal:
        await dispute_resolve(paid.as_("mia"), dispute.dispute_id, accepted=True, answer="Yes.")
    assert refusal.value.problems[0].code == "NOT_FOUND"
    withdrawn = await dispute_withdraw(paid.as_("ann"), dispute.dispute_id, text="I misread.")
    assert withdrawn.status is DisputeStatus.WITHDRAWN
    noted = await paid.fetch(
        "select action from audit_log where org_id = $1 and node_type = 'Dispute' order by audit_id"
    )
    assert [row["action"] for row in noted] == ["disputeOpen", "disputeWithdraw"]
    with pytest.raises(Rejected) as refusal:
        await dispute_resolve(paid.as_("cleo"), dispute.dispute_id, accepted=False, answer="No.")
    assert refusal.value.problems[0].code == "CLOSED"
