-- From a fact to a screen: outbox, ordered event log, dirty marks; and what makes a retry safe.

-- name: outbox_add
-- What this transaction did, for the relay to number.
insert into outbox (org_id, event_id, kind, change, node_type, node_key, rep_id, team_id, data, occurred_at, trace)
select $1, e.*, $10, $11
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[], $9::jsonb[]) e;

-- name: marks_add
-- Days whose numbers are stale.
insert into dirty_mark (org_id, mark_id, rep_id, from_day, through_day, touch, marked_at)
select $1, m.*, $7
from unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[], $6::text[]) m;

-- name: coach_marks_add
-- Reps whose coaching rules are to be evaluated.
insert into coach_mark (org_id, mark_id, rep_id, marked_at)
select $1, m.*, $4
from unnest($2::uuid[], $3::uuid[]) m;

-- name: audit_add
-- Who did what.
insert into audit_log (org_id, audit_id, action, node_type, node_key, data, actor_id, actor, occurred_at)
select $1, a.*, $7, $8, $9
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[]) a;

-- name: work_add
-- The wake-up: a row that cannot be lost, and a notification that saves waiting for the sweep.
with added as (
  insert into org_work (work_id, org_id, kind, trace)
  select w.work_id, $1, w.kind, $4 from unnest($2::uuid[], $3::text[]) w (work_id, kind)
  returning kind
)
select pg_notify('attain_work', $1::uuid::text || ' ' || kind) from added;

-- name: idempotency_applied
-- In the transaction of the mutation itself: what was applied is known to be, even if its answer was lost.
update idempotency_key set applied = true where org_id = $1 and viewer_id = $2 and key = $3;

-- name: idempotency_claim
-- Begin a request under its key; again only when the same request began long ago, applied nothing and left no answer.
insert into idempotency_key (org_id, viewer_id, key, request_hash, created_at) values ($1, $2, $3, $4, $5)
on conflict (org_id, viewer_id, key) do update set created_at = excluded.created_at
where idempotency_key.request_hash = excluded.request_hash and idempotency_key.status is null
  and not idempotency_key.applied and idempotency_key.created_at < $6
returning true;

-- name: idempotency_found
-- What is known of a request whose key is taken.
select request_hash, status, response, applied, created_at from idempotency_key
where org_id = $1 and viewer_id = $2 and key = $3;

-- name: idempotency_answered
-- The answer that a retry gets.
update idempotency_key set status = $4, response = $5 where org_id = $1 and viewer_id = $2 and key = $3;

-- name: idempotency_released
-- Nothing was applied: a retry may begin anew. Waits for a commit under way, and then changes nothing.
delete from idempotency_key where org_id = $1 and viewer_id = $2 and key = $3 and not applied and status is null;

-- name: work_pending
-- Work that has waited longer than so many seconds; belongs to no tenant, so `$1` is the seconds.
select distinct org_id, kind from org_work where created_at <= clock_timestamp() - make_interval(secs => $1) limit 1000;

-- name: work_waiting
-- How many organisations wait for each kind of work, and for how long the first one has; belongs to no tenant.
select kind, count(distinct org_id)::float8 as organizations,
  extract(epoch from clock_timestamp() - min(created_at))::float8 as oldest_seconds
from org_work where created_at <= clock_timestamp() group by kind;

-- name: work_claim
-- Taken before the work is read: what commits later leaves a row of its own. Returns the traces that asked for it.
with claimed as (
  delete from org_work where org_id = $1 and kind = $2 returning trace
)
select distinct trace from claimed where trace is not null;

-- name: recompute_claim
-- Takes the wake-ups and the marks, in the transaction that writes the results: a crash leaves them. Nothing where another job
-- of the organisation is at it. A mark that is committed later leaves a wake-up of its own.
with locked as materialized (
  select pg_try_advisory_xact_lock(hashtextextended('recompute' || $1::uuid::text, 0)) as mine
), woken as (
  delete from org_work w using locked where mine and w.org_id = $1 and w.kind = 'RECOMPUTE' returning w.trace
), taken as (
  delete from dirty_mark m using locked where mine and m.org_id = $1
  returning m.rep_id, m.from_day, m.through_day, m.touch, m.marked_at
)
select array_agg(rep_id) as reps, array_agg(from_day) as from_days, array_agg(through_day) as through_days,
  array_agg(touch) as touches, max(marked_at) as marked_at,
  (select mine from locked) and exists (select from recompute_step where org_id = $1) as unfinished,
  array(select distinct trace from woken where trace is not null) as traces
from taken;

-- name: coach_marks
-- The reps whose coaching rules are to be evaluated, each with its marks.
select rep_id, array_agg(mark_id) as marks from coach_mark where org_id = $1 group by rep_id order by rep_id;

-- name: coach_marks_claim
-- Claimed in the transaction that writes the items: a crash leaves them. Tells of which reps there still were any.
delete from coach_mark where org_id = $1 and mark_id = any($2::uuid[]) returning rep_id;

-- name: lock_try
-- One job of a kind per organisation at a time. False: somebody else is at it.
select pg_try_advisory_xact_lock(hashtextextended($2 || $1::uuid::text, 0));

-- name: outbox_number
-- Moves committed outbox rows to the log and numbers them without a gap, and claims what asked for it. One statement, so
-- that a relay that stops in the middle (a paused process) holds nothing. One relay at a time: it takes
-- nothing while another is at it. What another took since this statement began is gone for this one, too.
with locked as materialized (
  select pg_try_advisory_xact_lock(hashtextextended('relay' || $1::uuid::text, 0)) as mine
), claimed as (
  delete from org_work w using locked where mine and w.org_id = $1 and w.kind = 'EVENTS' returning w.trace
), taken as (
  delete from outbox o using locked where mine and o.org_id = $1 returning o.*
), ordered as (
  select *, row_number() over (order by occurred_at, event_id) as position from taken
), head as (
  insert into event_head (org_id, last_seq) select $1, count(*) from taken having count(*) > 0
  on conflict (org_id) do update set last_seq = event_head.last_seq + excluded.last_seq
  returning last_seq
), logged as (
  insert into event_log
    (org_id, seq, event_id, kind, change, node_type, node_key, rep_id, team_id, data, occurred_at, logged_at, trace)
  select $1, head.last_seq - (select count(*) from taken) + o.position, o.event_id, o.kind, o.change, o.node_type,
    o.node_key, o.rep_id, o.team_id, o.data, o.occurred_at, clock_timestamp(), o.trace
  from ordered o, head
), delivering as (
  insert into org_work (work_id, org_id, kind) select $2, $1, 'DELIVER' from head
  where exists (select from webhook where org_id = $1 and disabled_at is null)
  returning kind
)
select (select count(*) from taken) as events, (select last_seq from head),
  array(select distinct trace from claimed where trace is not null) as traces,
  (select pg_notify('attain_work', $1::uuid::text || ' ' || kind) from delivering);

-- name: log_head
-- Where the log stands, and how far back it goes.
select last_seq, first_seq from event_head where org_id = $1;

-- name: log_after
-- Events after a cursor, in order.
select seq, event_id, kind, change, node_type, node_key, rep_id, team_id, data, occurred_at, trace
from event_log where org_id = $1 and seq > $2 order by seq limit $3;

-- name: log_visible
-- Events after a cursor of the areas that a viewer may read, about the reps and teams that it sees, and of pay.
select seq, event_id, kind, change, node_type, node_key, rep_id, team_id, data, occurred_at, trace
from event_log
where org_id = $1 and seq > $2 and split_part(kind, '.', 1) = any($3::text[]) and case
    when kind = 'incentives.export' or (kind like 'incentives.%' and rep_id is not null)
      then $6::uuid[] is null or coalesce(rep_id = any($6), false)
    when rep_id is not null then $4::uuid[] is null or rep_id = any($4)
    when team_id is not null then $5::uuid[] is null or team_id = any($5)
    else true end
order by seq limit $7;

-- name: log_visible_count
-- How many there are.
select count(*)
from event_log
where org_id = $1 and seq > $2 and split_part(kind, '.', 1) = any($3::text[]) and case
    when kind = 'incentives.export' or (kind like 'incentives.%' and rep_id is not null)
      then $6::uuid[] is null or coalesce(rep_id = any($6), false)
    when rep_id is not null then $4::uuid[] is null or rep_id = any($4)
    when team_id is not null then $5::uuid[] is null or team_id = any($5)
    else true end;

-- name: log_trim
-- Retention: forgets events older than a day, and says in the head from where the log is complete.
with gone as (
  delete from event_log where org_id = $1 and logged_at < $2 returning seq
)
update event_head set first_seq = greatest(first_seq, (select max(seq) + 1 from gone))
where org_id = $1 and exists (select from gone);

-- name: day_is_new
-- Whether a local day waits to be begun.
select last_day is null or last_day < $2 from event_head where org_id = $1;

-- name: day_begins
-- The local day begun before, once for each new one, whoever asks and however often; the first time, the day itself.
with before as (
  select last_day from event_head where org_id = $1 and (last_day is null or last_day < $2) for update
)
update event_head h set last_day = $2 from before where h.org_id = $1 returning coalesce(before.last_day, $2);

-- name: idempotency_trim
-- Answers that nobody asks for again.
delete from idempotency_key where org_id = $1 and created_at < $2;

-- name: organizations
-- Every organisation, for what is done at midnight; the ids alone, so it belongs to no tenant.
select org_id from tenant order by org_id;

-- name: marks
-- What waits to be recomputed.
select rep_id, from_day, through_day, touch, marked_at from dirty_mark where org_id = $1;
