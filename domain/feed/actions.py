"""What people do in the feed: publish rules, make items, act on them.

Who may act on an item: its assignee, whoever manages the rep, admins and API keys; and the rep it is about, except for
giving it to somebody else. To anybody else the item is not there.
"""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from domain.errors import Problem, Rejected, reject, stale
from domain.events import Change, Event
from domain.feed import rules, stored
from domain.feed.model import LIVE, Act, ActionItem, Definition, DismissReason, Kind, Rule, Status
from domain.org import actions as org
from domain.org.model import Role
from domain.org.rules import named
from domain.org.sight import visible_reps
from domain.work import Tx, Work
from sql.pool import Record, uuid7
from sql.queries import queries

_feed = queries("feed")

LONGEST_SNOOZE = timedelta(days=365)

_OWN_REASONS = frozenset({DismissReason.REP_LEFT, DismissReason.RULE_RETIRED})
"""Reasons that only Attain itself gives."""


async def coaching_rule_publish(
    work: Work,
    *,
    key: str,
    name: str,
    kpi_id: UUID,
    definition: Definition,
    active: bool = True,
    valid_from: date | None = None,
    expected_version: int | None = None,
) -> Rule:
    """Add a version to the rule of this key, or the first one. It holds from `valid_from`, today when left out.

    A version that is not active retires the rule: its live items are dismissed. `expected_version` is the newest
    version as read, 0 for a new rule. Raises `Rejected`: STALE_VERSION, NOT_FOUND, KPI_FIXED, OUT_OF_RANGE, ...
    """
    problems = [*named(key, "input", "key"), *named(name, "input", "name"), *rules.sound(definition, "input")]
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        today = (await org.calendar(tx)).local_day(tx.now)
        starts = valid_from or today
        if starts < today:
            raise reject(
                "OUT_OF_RANGE",
                "A rule holds from today or later: what was not coached then is past.",
                "input",
                "validFrom",
            )
        if not await tx.value(_feed.kpi_exists, kpi_id):
            raise reject("NOT_FOUND", "No KPI has this id.", "input", "kpiId")
        await tx.fetch(_feed.rules_add, [uuid7()], [key], tx.now)
        [row] = await tx.fetch(_feed.rule_for_update, key)
        newest: int = row["version"] or 0
        if expected_version is not None and expected_version != newest:
            raise Rejected(stale(newest, "input"))
        if newest and row["kpi_id"] != kpi_id:
            raise reject("KPI_FIXED", "A rule keeps its KPI: publish this under a key of its own.", "input", "kpiId")
        rule = Rule(row["rule_id"], key, newest + 1, starts, active, name, kpi_id, definition)
        await stored.rule_versions_add(tx, [rule])
        change = Change.UPDATED if newest else Change.CREATED
        tx.record(Event("feed.rule", change, "CoachingRule", str(rule.rule_id)))
        tx.audit("coachingRulePublish", "CoachingRule", str(rule.rule_id), key=key, version=rule.version)
        for found in await tx.fetch(_feed.reps_to_coach, today):
            tx.coach(found["rep_id"])
        return rule


async def action_item_create(
    work: Work,
    *,
    rep_id: UUID,
    title: str,
    body: str = "",
    assignee_id: UUID | None = None,
    kpi_id: UUID | None = None,
    due_on: date | None = None,
    priority: int = 50,
) -> ActionItem:
    """An item by hand for a rep that the viewer sees. Without an assignee it goes to the rep's manager.

    Raises `Rejected`: NOT_FOUND, FORBIDDEN (a rep gives work to nobody else), OUT_OF_RANGE, BLANK, TOO_LONG.
    """
    problems = [*named(title, "input", "title"), *rules.written(body, "input", "body", required=False)]
    if not 0 <= priority <= 100:
        problems.append(Problem("OUT_OF_RANGE", "Priority is 0 to 100.", ("input", "priority")))
    if problems:
        raise Rejected(*problems)
    async with work.transaction() as tx:
        today = (await org.calendar(tx)).local_day(tx.now)
        sees, leads = await _standing(tx, rep_id, None, today)
        subject = await tx.row(_feed.subjects, [rep_id], today) if sees else None
        if subject is None:
            raise reject("NOT_FOUND", "No rep has this id.", "input", "repId")
        if due_on is not None and due_on < today:
            raise reject("OUT_OF_RANGE", "This day is past.", "input", "dueOn")
        if kpi_id is not None and not await tx.value(_feed.kpi_exists, kpi_id):
            raise reject("NOT_FOUND", "No KPI has this id.", "input", "kpiId")
        if assignee_id is None:
            assignee_id = subject["manager_id"]
        else:
            if not leads and assignee_id != tx.viewer.user_id:
                raise reject("FORBIDDEN", "Only who manages the rep gives work to others.", "input", "assigneeId")
            await _assignable(tx, assignee_id, "input")
        item_id = uuid7()
        [row] = await tx.fetch(
            _feed.item_add, item_id, title, body, rep_id, assignee_id, kpi_id, Decimal(priority), due_on, tx.now
        )
        await note(tx, [(item_id, Act.CREATED, None, {})])
        announce(tx, item_id, rep_id, assignee_id, Status.OPEN, Change.CREATED)
        tx.audit("actionItemCreate", "ActionItem", str(item_id), rep_id=str(rep_id))
        return stored.item(row)


async def action_item_start(work: Work, item_id: UUID, *, expected_version: int | None = None) -> ActionItem:
    """Somebody is at it: OPEN or SNOOZED becomes IN_PROGRESS."""
    return await _act(work, "actionItemStart", item_id, Act.STARTED, expected_version)


async def action_item_complete(
    work: Work, item_id: UUID, *, outcome: str, expected_version: int | None = None
) -> ActionItem:
    """Done, and what came of it, in words. Not an item of a dispute (DISPUTE_OPEN): its answer closes it."""
    _refuse(rules.written(outcome, "outcome"))
    return await _act(
        work, "actionItemComplete", item_id, Act.COMPLETED, expected_version, comment=outcome, outcome=outcome
    )


async def action_item_dismiss(
    work: Work, item_id: UUID, *, reason: DismissReason, comment: str | None = None, expected_version: int | None = None
) -> ActionItem:
    """Nothing to do, and why. OTHER needs words. Not an item of a dispute (DISPUTE_OPEN): its answer closes it."""
    _refuse(rules.written(comment or "", "comment", required=reason is DismissReason.OTHER))
    if reason in _OWN_REASONS:
        raise reject("OUT_OF_RANGE", "Attain gives this reason itself; choose another.", "reason")
    return await _act(
        work,
        "actionItemDismiss",
        item_id,
        Act.DISMISSED,
        expected_version,
        comment=comment,
        outcome=comment,
        dismiss_reason=reason,
        data={"reason": reason},
    )


async def action_item_snooze(
    work: Work, item_id: UUID, *, until: date, expected_version: int | None = None
) -> ActionItem:
    """Out of sight until the morning of a day, at most a year ahead."""
    return await _act(
        work, "actionItemSnooze", item_id, Act.SNOOZED, expected_version, snoozed_until=until, data={"until": until}
    )


async def action_item_reassign(
    work: Work, item_id: UUID, *, assignee_id: UUID, expected_version: int | None = None
) -> ActionItem:
    """Give it to another active user, who sees it from then on. Not for the rep it is about (FORBIDDEN)."""
    return await _act(
        work,
        "actionItemReassign",
        item_id,
        Act.REASSIGNED,
        expected_version,
        assignee_id=assignee_id,
        data={"assigneeId": str(assignee_id)},
    )


async def action_item_comment(work: Work, item_id: UUID, *, comment: str) -> ActionItem:
    """Words on the timeline, also of a closed item. They conflict with nobody's edit: the version stays."""
    _refuse(rules.written(comment, "comment"))
    return await _act(work, "actionItemComment", item_id, Act.COMMENTED, None, comment=comment)


async def wake(work: Work) -> int:
    """The daily round: wakes snoozed items whose day has come, and has everybody's coaching looked at.

    The latter because time alone moves items: a running week becomes old enough to judge, a due day nears, a rep comes
    back from leave. Returns how many woke. Safe to call as often as one likes.
    """
    async with work.transaction() as tx:
        today = (await org.calendar(tx)).local_day(tx.now)
        woken = await tx.fetch(_feed.items_wake, today, tx.now)
        await note(tx, [(row["item_id"], Act.WOKEN, None, {}) for row in woken])
        for row in woken:
            announce(tx, row["item_id"], row["rep_id"], row["assignee_id"], Status.OPEN, Change.UPDATED)
        for row in await tx.fetch(_feed.reps_to_coach, today):
            tx.coach(row["rep_id"])
        return len(woken)


async def note(tx: Tx, lines: list[tuple[UUID, Act, str | None, dict[str, object]]]) -> None:
    """Lines of timelines: item, what happened, words, particulars."""
    if lines:
        items, acts, comments, data = zip(*lines, strict=True)
        ids = [uuid7() for _ in lines]
        await tx.execute(_feed.events_add, ids, items, acts, comments, data, tx.viewer.actor_id, tx.now)


def announce(
    tx: Tx,
    item_id: UUID,
    rep_id: UUID,
    assignee_id: UUID | None,
    status: Status,
    change: Change,
    from_id: UUID | None = None,
) -> None:
    """Tell those who see the rep, and the assignee. `from_id` is who had it until now, whose list it leaves."""
    data: dict[str, object] = {"assignee_id": str(assignee_id) if assignee_id else None, "status": status}
    data["heard_by"] = [str(user_id) for user_id in (assignee_id, from_id) if user_id]
    if from_id is not None:
        data["from_id"] = str(from_id)
    tx.record(Event("feed.action_item", change, "ActionItem", str(item_id), rep_id=rep_id, data=data))


async def _act(
    work: Work,
    action: str,
    item_id: UUID,
    act: Act,
    expected_version: int | None,
    *,
    comment: str | None = None,
    data: dict[str, object] | None = None,
    assignee_id: UUID | None = None,
    snoozed_until: date | None = None,
    outcome: str | None = None,
    dismiss_reason: DismissReason | None = None,
) -> ActionItem:
    """One step of an item's life: load, decide, save, note, tell."""
    async with work.transaction() as tx:
        today = (await org.calendar(tx)).local_day(tx.now)
        row = await tx.row(_feed.item_for_update, item_id)
        sees, leads = await _standing(tx, row["rep_id"], row["assignee_id"], today) if row else (False, False)
        if row is None or not sees:
            raise reject("NOT_FOUND", "No item has this id.", "id")
        if expected_version is not None and expected_version != row["version"]:
            raise Rejected(stale(row["version"]))
        status = rules.move(Status(row["status"]), act)
        if status not in LIVE and row["kind"] == Kind.DISPUTE and act is not Act.COMMENTED:
            raise reject("DISPUTE_OPEN", "Answer the dispute on the statement: that closes its item.", "id")
        if act is Act.REASSIGNED and assignee_id is not None:
            if not leads:
                raise reject("FORBIDDEN", "Only the assignee or who manages the rep gives it to somebody else.", "id")
            await _assignable(tx, assignee_id)
        if snoozed_until is not None and not today < snoozed_until <= today + LONGEST_SNOOZE:
            raise reject("OUT_OF_RANGE", "Snooze until a day after today, at most a year ahead.", "until")
        from_id = row["assignee_id"] if act is Act.REASSIGNED else None
        row = await _save(tx, row, act, status, assignee_id, snoozed_until, outcome, dismiss_reason)
        await note(tx, [(item_id, act, comment, data or {})])
        announce(tx, item_id, row["rep_id"], row["assignee_id"], status, Change.UPDATED, from_id)
        tx.audit(action, "ActionItem", str(item_id), **(data or {}))
        return stored.item(row)


async def _save(
    tx: Tx,
    row: Record,
    act: Act,
    status: Status,
    assignee_id: UUID | None,
    snoozed_until: date | None,
    outcome: str | None,
    dismiss_reason: DismissReason | None,
) -> Record:
    if act is Act.COMMENTED:
        [saved] = await tx.fetch(_feed.item_touch, row["item_id"], tx.now)
        return saved
    closed_at = None if status in LIVE else tx.now
    until = snoozed_until or (row["snoozed_until"] if status is Status.SNOOZED else None)
    who = assignee_id or row["assignee_id"]
    [saved] = await tx.fetch(
        _feed.item_save, row["item_id"], status, who, until, outcome, dismiss_reason, closed_at, tx.now
    )
    return saved


async def _standing(tx: Tx, rep_id: UUID, assignee_id: UUID | None, today: date) -> tuple[bool, bool]:
    """Whether the viewer sees items of this rep and assignee, and whether it may give them to others."""
    viewer = tx.viewer
    reps = await visible_reps(tx.session, viewer, today)
    assigned = assignee_id is not None and assignee_id == viewer.user_id
    sees = reps is None or rep_id in reps
    manages = sees and viewer.role is Role.MANAGER and rep_id != viewer.rep_id
    return sees or assigned, viewer.sees_everybody or manages or assigned


async def _assignable(tx: Tx, user_id: UUID, *path: str) -> None:
    if not await tx.value(_feed.assignable, user_id):
        raise reject("NOT_FOUND", "No active user has this id.", *path, "assigneeId")


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Rejected(*problems)
