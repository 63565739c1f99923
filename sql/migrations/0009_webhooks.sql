-- Webhooks: where a partner hears of changes, and how far each has heard.
-- depends: 0008_traces

-- migrate: apply

create table webhook (
  org_id uuid not null references organization,
  webhook_id uuid not null,
  url text not null,
  kinds text[] not null,
  -- Signs what is sent; it cannot be a hash.
  secret text not null,
  created_by uuid,
  created_at timestamptz not null,
  -- Events up to this one were delivered, or are not of its kinds.
  delivered_seq bigint not null,
  disabled_at timestamptz,
  -- Of the event that waits: attempts in vain, since when, and when the next one is due.
  failures int not null default 0,
  failing_since timestamptz,
  next_attempt_at timestamptz,
  last_attempt_at timestamptz,
  last_delivered_at timestamptz,
  last_status int,
  last_error text,
  -- Who delivers now, so that events arrive in order; a worker that died is forgotten after a while.
  lease uuid,
  leased_until timestamptz,
  primary key (org_id, webhook_id)
);

grant select, insert, update, delete on webhook to attain_app;
alter table webhook enable row level security;
create policy tenant on webhook to attain_app
  using (org_id = nullif(current_setting('attain.org_id', true), '')::uuid);

-- A row of org_work may lie in the future: what is tried again is not due before.
alter table org_work drop constraint org_work_kind_check;
alter table org_work add constraint org_work_kind_check check (kind in ('EVENTS', 'RECOMPUTE', 'COACH', 'DELIVER'));

-- migrate: rollback
