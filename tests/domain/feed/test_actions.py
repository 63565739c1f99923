"""What people may do with rules and items; what is refused changes nothing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Rejected
from domain.feed import actions
from domain.feed.model import ActionItem, Definition, DismissReason, Kind, Status, Trigger
from domain.work import Work
from sql.pool import uuid7
from tests.domain.feed.cases import LAST, MONDAY, THURSDAY
from tests.domain.feed.conftest import Company

TARGET = Definition(Trigger.BELOW_TARGET, "{rep}", "{value}")


async def item(company: Company, rep: str = "ann", **over: Any) -> ActionItem:
    return await actions.action_item_create(
        company.admin, rep_id=company.reps[rep], title="Call the Miller account", **over
    )


async def refused(company: Company, attempt: Awaitable[object], *codes: str) -> None:
    before = await company.everything()
    with pytest.raises(Rejected) as refusal:
        await attempt
    assert [problem.code for problem in refusal.value.problems] == list(codes)
    assert await company.everything() == before


async def acts(company: Company) -> list[tuple[str, UUID | None, str | None]]:
    rows = await company.run("select * from action_item_event where org_id = $1 order by event_id")
    return [(row["kind"], row["actor_id"], row["comment"]) for row in rows]


async def test_an_item_by_hand_goes_to_the_reps_manager(company: Company) -> None:
    made = await item(company, body="Renewal in May.", due_on=THURSDAY, priority=70)
    assert (made.kind, made.status, made.assignee_id) == (Kind.MANUAL, Status.OPEN, company.users["mia"])
    assert (made.priority, made.due_on, made.version) == (Decimal(70), THURSDAY, 1)
    assert await acts(company) == [("CREATED", company.users["ada"], None)]
    [event] = await company.events()
    assert (event["change"], event["node_type"], event["rep_id"]) == ("CREATED", "ActionItem", company.reps["ann"])
    mia = str(company.users["mia"])
    assert event["data"] == {"assignee_id": mia, "status": "OPEN", "heard_by": [mia]}
    [audit] = await company.run("select * from audit_log where org_id = $1 and action = 'actionItemCreate'")
    assert (audit["actor_id"], audit["node_key"]) == (company.users["ada"], str(made.item_id))


async def test_a_managers_item_is_for_those_below(company: Company) -> None:
    mia = company.as_("mia")
    made = await actions.action_item_create(
        mia, rep_id=company.reps["bob"], title="Ride along", assignee_id=company.users["ann"]
    )
    assert made.assignee_id == company.users["ann"]
    attempt = actions.action_item_create(mia, rep_id=company.reps["cy"], title="Ride along")
    await refused(company, attempt, "NOT_FOUND")


async def test_a_rep_makes_items_for_itself_and_gives_none_to_others(company: Company) -> None:
    ann = company.as_("ann")
    own = await actions.action_item_create(
        ann, rep_id=company.reps["ann"], title="Tidy up", assignee_id=company.users["ann"]
    )
    assert own.assignee_id == company.users["ann"]
    for attempt, code in (
        (actions.action_item_create(ann, rep_id=company.reps["bob"], title="Tidy up"), "NOT_FOUND"),
        (
            actions.action_item_create(
                ann, rep_id=company.reps["ann"], title="Tidy up", assignee_id=company.users["max"]
            ),
            "FORBIDDEN",
        ),
    ):
        await refused(company, attempt, code)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"title": " "}, "BLANK"),
        ({"body": "x" * 4001}, "TOO_LONG"),
        ({"priority": 101}, "OUT_OF_RANGE"),
        ({"due_on": MONDAY - timedelta(days=1)}, "OUT_OF_RANGE"),
        ({"kpi_id": uuid7()}, "NOT_FOUND"),
        ({"assignee_id": uuid7()}, "NOT_FOUND"),
        ({"rep_id": uuid7()}, "NOT_FOUND"),
    ],
)
async def test_an_item_that_cannot_be_is_refused(company: Company, over: dict[str, Any], code: str) -> None:
    given: dict[str, Any] = {"rep_id": company.reps["ann"], "title": "Call"} | over
    await refused(company, actions.action_item_create(company.admin, **given), code)


async def test_an_item_goes_from_open_to_done_with_an_outcome(company: Company) -> None:
    made = await item(company)
    mia = company.as_("mia")
    started = await actions.action_item_start(mia, made.item_id, expected_version=1)
    assert (started.status, started.version) == (Status.IN_PROGRESS, 2)
    done = await actions.action_item_complete(mia, made.item_id, outcome="Booked two meetings.", expected_version=2)
    assert (done.status, done.outcome, done.version) == (Status.DONE, "Booked two meetings.", 3)
    assert done.closed_at == company.admin.now
    assert await acts(company) == [
        ("CREATED", company.users["ada"], None),
        ("STARTED", company.users["mia"], None),
        ("COMPLETED", company.users["mia"], "Booked two meetings."),
    ]


async def test_what_somebody_else_changed_is_not_overwritten(company: Company) -> None:
    made = await item(company)
    await actions.action_item_start(company.admin, made.item_id, expected_version=1)
    with pytest.raises(Rejected) as refusal:
        await actions.action_item_complete(company.admin, made.item_id, outcome="Done.", expected_version=1)
    [problem] = refusal.value.problems
    assert (problem.code, dict(problem.detail)) == ("STALE_VERSION", {"current_version": 2})


async def test_a_closed_item_stays_closed_and_may_be_commented(company: Company) -> None:
    made = await item(company)
    await actions.action_item_complete(company.admin, made.item_id, outcome="Done.")
    for attempt in (
        actions.action_item_start(company.admin, made.item_id),
        actions.action_item_complete(company.admin, made.item_id, outcome="Again."),
        actions.action_item_dismiss(company.admin, made.item_id, reason=DismissReason.NOT_RELEVANT),
        actions.action_item_snooze(company.admin, made.item_id, until=THURSDAY),
        actions.action_item_reassign(company.admin, made.item_id, assignee_id=company.users["sam"]),
    ):
        await refused(company, attempt, "INVALID_STATE")
    commented = await actions.action_item_comment(company.as_("mia"), made.item_id, comment="Well done.")
    assert (commented.status, commented.version) == (Status.DONE, 2)
    assert (await acts(company))[-1] == ("COMMENTED", company.users["mia"], "Well done.")


async def test_a_dismissal_says_why(company: Company) -> None:
    made = await item(company)
    await refused(
        company, actions.action_item_dismiss(company.admin, made.item_id, reason=DismissReason.OTHER), "BLANK"
    )
    await refused(
        company, actions.action_item_dismiss(company.admin, made.item_id, reason=DismissReason.REP_LEFT), "OUT_OF_RANGE"
    )
    gone = await actions.action_item_dismiss(
        company.admin, made.item_id, reason=DismissReason.WRONG_DATA, comment="Two calls are missing."
    )
    assert (gone.status, gone.dismiss_reason, gone.outcome) == (
        Status.DISMISSED,
        DismissReason.WRONG_DATA,
        "Two calls are missing.",
    )


async def test_a_snoozed_item_wakes_on_its_day(company: Company) -> None:
    made = await item(company)
    snoozed = await actions.action_item_snooze(company.as_("mia"), made.item_id, until=THURSDAY)
    assert (snoozed.status, snoozed.snoozed_until) == (Status.SNOOZED, THURSDAY)
    assert await actions.wake(company.at(THURSDAY - timedelta(days=1)).admin) == 0
    assert await actions.wake(company.at(THURSDAY).admin) == 1
    assert await actions.wake(company.at(THURSDAY).admin) == 0
    [row] = await company.items()
    assert (row["status"], row["snoozed_until"], row["version"]) == ("OPEN", None, 3)
    assert (await acts(company))[-1] == ("WOKEN", company.users["ada"], None)


async def test_the_daily_round_has_everybody_coached(company: Company) -> None:
    await company.run("delete from coach_mark where org_id = $1")
    await company.run("update rep set left_on = $3 where org_id = $1 and rep_id = $2", company.reps["bob"], LAST)
    await actions.wake(company.admin)
    marks = await company.run("select rep_id from coach_mark where org_id = $1")
    assert {row["rep_id"] for row in marks} == {company.reps["ann"], company.reps["cy"]}


@pytest.mark.parametrize("days", [0, -1, 366])
async def test_a_snooze_is_for_a_day_to_come(company: Company, days: int) -> None:
    made = await item(company)
    attempt = actions.action_item_snooze(company.admin, made.item_id, until=MONDAY + timedelta(days=days))
    await refused(company, attempt, "OUT_OF_RANGE")


async def test_whoever_gets_an_item_sees_and_acts_on_it(company: Company) -> None:
    made = await item(company)
    sam = company.as_("sam")
    await refused(company, actions.action_item_start(sam, made.item_id), "NOT_FOUND")
    given = await actions.action_item_reassign(company.as_("mia"), made.item_id, assignee_id=company.users["sam"])
    assert (given.assignee_id, given.status, given.version) == (company.users["sam"], Status.OPEN, 2)
    started = await actions.action_item_start(sam, made.item_id)
    assert started.status is Status.IN_PROGRESS
    back = await actions.action_item_reassign(sam, made.item_id, assignee_id=company.users["max"])
    assert (back.assignee_id, back.status) == (company.users["max"], Status.IN_PROGRESS)
    await refused(company, actions.action_item_comment(sam, made.item_id, comment="Still here?"), "NOT_FOUND")


async def test_nobody_who_left_is_given_work(company: Company) -> None:
    made = await item(company)
    await company.run("update app_user set active = false where org_id = $1 and user_id = $2", company.users["sam"])
    attempt = actions.action_item_reassign(company.admin, made.item_id, assignee_id=company.users["sam"])
    await refused(company, attempt, "NOT_FOUND")


async def test_a_rep_acts_on_its_own_items_but_does_not_give_them_away(company: Company) -> None:
    made = await item(company)
    ann = company.as_("ann")
    attempt = actions.action_item_reassign(ann, made.item_id, assignee_id=company.users["max"])
    await refused(company, attempt, "FORBIDDEN")
    assert (await actions.action_item_start(ann, made.item_id)).status is Status.IN_PROGRESS


Attempt = Callable[[Work, UUID], Awaitable[ActionItem]]
ATTEMPTS: dict[str, Attempt] = {
    "start": lambda work, item_id: actions.action_item_start(work, item_id),
    "complete": lambda work, item_id: actions.action_item_complete(work, item_id, outcome="Done."),
    "dismiss": lambda work, item_id: actions.action_item_dismiss(work, item_id, reason=DismissReason.NOT_RELEVANT),
    "snooze": lambda work, item_id: actions.action_item_snooze(work, item_id, until=THURSDAY),
    "reassign": lambda work, item_id: actions.action_item_reassign(
        work, item_id, assignee_id=work.viewer.user_id or item_id
    ),
    "comment": lambda work, item_id: actions.action_item_comment(work, item_id, comment="Hm."),
}


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
@pytest.mark.parametrize(("viewer", "rep"), [("ann", "bob"), ("mia", "cy"), ("sam", "ann")])
async def test_to_anybody_else_the_item_is_not_there(company: Company, attempt: Attempt, viewer: str, rep: str) -> None:
    made = await item(company, rep)
    await refused(company, attempt(company.as_(viewer), made.item_id), "NOT_FOUND")


async def test_another_organisation_does_not_see_the_item(company: Company, make_org: Any) -> None:
    made = await item(company)
    other = await make_org()
    await refused(company, actions.action_item_start(other, made.item_id), "NOT_FOUND")


async def publish(company: Company, **over: Any) -> Any:
    kpi_id = company.kpis["meetings"].kpi_id
    given: dict[str, Any] = {"key": "r", "name": "R", "kpi_id": kpi_id, "definition": TARGET} | over
    return await actions.coaching_rule_publish(company.admin, **given)


async def test_a_rule_gets_a_version_and_keeps_the_old_one(company: Company) -> None:
    first = await publish(company, expected_version=0)
    second = await publish(company, name="R2", expected_version=1, valid_from=THURSDAY)
    assert (first.version, second.version, first.rule_id) == (1, 2, second.rule_id)
    rows = await company.run("select name, version from coaching_rule_version where org_id = $1 order by version")
    assert [tuple(row) for row in rows] == [("R", 1), ("R2", 2)]
    marks = await company.run("select distinct rep_id from coach_mark where org_id = $1")
    assert {row["rep_id"] for row in marks} == set(company.reps.values())


async def test_a_rule_that_cannot_be_is_refused(company: Company) -> None:
    await publish(company)
    for over, code in (
        ({"expected_version": 0}, "STALE_VERSION"),
        ({"kpi_id": company.kpis["win_rate"].kpi_id}, "KPI_FIXED"),
        ({"kpi_id": uuid7(), "key": "new"}, "NOT_FOUND"),
        ({"valid_from": LAST}, "OUT_OF_RANGE"),
        ({"key": ""}, "BLANK"),
        ({"definition": Definition(Trigger.BELOW_TARGET, "{x}", "b")}, "UNKNOWN_PLACEHOLDER"),
    ):
        await refused(company, publish(company, **over), code)
