-- Webhooks: where a partner hears of changes, and how far each has heard.

-- name: webhook_add
-- It hears of what is numbered from now on.
insert into webhook (org_id, webhook_id, url, kinds, secret, created_by, created_at, delivered_seq)
select $1, $2, $3, $4, $5, $6, $7, coalesce((select last_seq from event_head where org_id = $1), 0);

-- name: webhooks_count
-- How many there are.
select count(*) from webhook where org_id = $1;

-- name: webhooks_page
-- A page of them, oldest first, without their secrets.
select webhook_id, url, kinds, created_at, delivered_seq, disabled_at, failures, failing_since, next_attempt_at,
  last_attempt_at, last_delivered_at, last_status, last_error
from webhook where org_id = $1 and ($2::uuid is null or webhook_id > $2) order by webhook_id limit $3;

-- name: webhooks_by_id
-- Webhooks by their ids, without their secrets.
select webhook_id, url, kinds, created_at, delivered_seq, disabled_at, failures, failing_since, next_attempt_at,
  last_attempt_at, last_delivered_at, last_status, last_error
from webhook where org_id = $1 and webhook_id = any($2::uuid[]);

-- name: webhook_delete
-- From now on it hears nothing.
delete from webhook where org_id = $1 and webhook_id = $2 returning url;

-- name: webhook_enable
-- Tried again at once, from where it stopped.
update webhook set disabled_at = null, failures = 0, failing_since = null, next_attempt_at = null
where org_id = $1 and webhook_id = $2 and (disabled_at is not null or failures > 0);

-- name: deliver_wake
-- The log grew: whoever delivers may begin, if somebody wants to hear.
with woken as (
  insert into org_work (work_id, org_id, kind) select $2, $1, 'DELIVER'
  where exists (select from webhook where org_id = $1 and disabled_at is null)
  returning org_id
)
select pg_notify('attain_work', org_id::text || ' DELIVER') from woken;

-- name: deliver_later
-- When there is something to do next: an attempt is due, or the lease of a worker that may have died ends.
with next as (
  select min(greatest(w.next_attempt_at, w.leased_until, $3)) as due
  from webhook w join event_head h on h.org_id = w.org_id
  where w.org_id = $1 and w.disabled_at is null and w.delivered_seq < h.last_seq
)
insert into org_work (work_id, org_id, kind, created_at) select $2, $1, 'DELIVER', due from next where due is not null;

-- name: webhooks_lease
-- Those with something to deliver that nobody is at; with where the log begins and ends.
update webhook w set lease = $2, leased_until = $3::timestamptz + make_interval(secs => $4)
from event_head h
where w.org_id = $1 and h.org_id = $1 and w.disabled_at is null and w.delivered_seq < h.last_seq
  and (w.next_attempt_at is null or w.next_attempt_at <= $3) and (w.leased_until is null or w.leased_until <= $3)
returning w.webhook_id, w.url, w.kinds, w.secret, w.delivered_seq, h.first_seq, h.last_seq;

-- name: webhook_events
-- What it is to hear next, in order.
select seq, event_id, kind, change, node_type, node_key, occurred_at
from event_log where org_id = $1 and seq > $2 and kind = any($3::text[]) order by seq limit $4;

-- name: webhook_delivered
-- Moves on, and keeps the lease. Nothing is returned when the webhook is gone or somebody else's.
update webhook set delivered_seq = $4, failures = 0, failing_since = null, next_attempt_at = null, last_attempt_at = $5,
  last_delivered_at = $5, last_status = $6, last_error = null, leased_until = $5::timestamptz + make_interval(secs => $7)
where org_id = $1 and webhook_id = $2 and lease = $3 and disabled_at is null returning true;

-- name: webhook_failing
-- How often the event that waits was tried in vain before, and since when.
select failures, failing_since from webhook where org_id = $1 and webhook_id = $2 and lease = $3;

-- name: webhook_failed
-- Stays where it is until the next attempt, or for good.
update webhook set failures = failures + 1, failing_since = coalesce(failing_since, $4), last_attempt_at = $4,
  next_attempt_at = $5, disabled_at = $6, last_status = $7, last_error = $8, lease = null, leased_until = null
where org_id = $1 and webhook_id = $2 and lease = $3;

-- name: webhook_released
-- Nothing is left to deliver up to an event.
update webhook set delivered_seq = greatest(delivered_seq, $4), lease = null, leased_until = null
where org_id = $1 and webhook_id = $2 and lease = $3;
