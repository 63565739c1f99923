-- From a fact to a screen: outbox, ordered event log, dirty marks; and what makes a retry safe.
-- depends: 0005_feed

-- migrate: apply

-- What passes through by the thousand, events and marks, has no foreign keys: each would be a look at, and a lock of, the one
-- row of the organisation that every writer shares.

-- What happened, written in the transaction that made it happen. The relay moves rows to event_log and gives them a number.
create table outbox (
  org_id uuid not null,
  event_id uuid not null,
  kind text not null,
  change text not null check (change in ('CREATED', 'UPDATED', 'REMOVED')),
  node_type text not null,
  node_key text not null,
  rep_id uuid,
  team_id uuid,
  data jsonb not null default '{}',
  occurred_at timestamptz not null,
  primary key (org_id, event_id)
);

create table event_log (
  org_id uuid not null,
  seq bigint not null,
  event_id uuid not null,
  kind text not null,
  change text not null,
  node_type text not null,
  node_key text not null,
  rep_id uuid,
  team_id uuid,
  data jsonb not null,
  occurred_at timestamptz not null,
  logged_at timestamptz not null,
  primary key (org_id, seq)
);
create index event_log_age on event_log (org_id, logged_at);

create table event_head (
  org_id uuid primary key references organization,
  last_seq bigint not null default 0,
  -- Events up to this one are gone (retention); a subscriber that asks for older ones is told GAP.
  first_seq bigint not null default 1,
  -- The last local day whose beginning was worked through.
  last_day date
);

-- What must be recomputed: a rep (null: everybody) on the days from..through (null: open), and what about them is stale.
-- Append-only, claimed by delete.
create table dirty_mark (
  org_id uuid not null,
  mark_id uuid not null,
  rep_id uuid,
  from_day date not null,
  through_day date,
  touch text not null,
  marked_at timestamptz not null,
  primary key (org_id, mark_id)
);

-- Reps whose numbers of a week changed and whose coaching rules were not evaluated since. Append-only, claimed by delete.
create table coach_mark (
  org_id uuid not null,
  mark_id uuid not null,
  rep_id uuid not null,
  marked_at timestamptz not null,
  primary key (org_id, mark_id)
);

-- Organisations with work to do: belongs to no tenant, holds nothing of one but its id. Append-only, deleted before the
-- work is read, so that no wake-up is lost and no two writers meet on a row.
create table org_work (
  work_id uuid primary key,
  org_id uuid not null,
  kind text not null check (kind in ('EVENTS', 'RECOMPUTE', 'COACH')),
  created_at timestamptz not null default clock_timestamp()
);
create index org_work_by_org on org_work (org_id, kind);

-- The ids of all organisations: what workers walk at midnight, without a look into any of them.
create table tenant (
  org_id uuid primary key
);

create table idempotency_key (
  org_id uuid not null references organization,
  viewer_id uuid not null,
  key text not null,
  request_hash bytea not null,
  status int,
  response text,
  applied boolean not null default false,
  created_at timestamptz not null,
  primary key (org_id, viewer_id, key)
);

create table audit_log (
  org_id uuid not null references organization,
  audit_id uuid not null,
  actor_id uuid,
  actor text not null,
  action text not null,
  node_type text,
  node_key text,
  data jsonb not null default '{}',
  occurred_at timestamptz not null,
  primary key (org_id, audit_id)
);
create index audit_log_by_time on audit_log (org_id, occurred_at desc, audit_id desc);
create index audit_log_by_node on audit_log (org_id, node_type, node_key, occurred_at desc, audit_id desc);

grant usage on schema public to attain_app;
grant select, insert, update, delete on all tables in schema public to attain_app;
-- Written once: no statement of the application can change or remove these.
revoke update, delete on audit_log, calendar, quota_version, scorecard_template_version, scorecard_template_kpi
  from attain_app;

-- The second lock: every table that has an organisation shows only the one that the connection names.
do $$
declare
  t text;
begin
  for t in
    select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
    where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and c.relname not in ('org_work', 'tenant')
  loop
    execute format('alter table %I enable row level security', t);
    execute format(
      'create policy tenant on %I to attain_app using '
      '(org_id = nullif(current_setting(''attain.org_id'', true), '''')::uuid)', t);
  end loop;
end
$$;

-- migrate: rollback
