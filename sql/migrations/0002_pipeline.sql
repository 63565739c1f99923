-- Facts from the CRM.
-- depends: 0001_org

-- migrate: apply

-- Unique by (source, external_id). A deleted fact stays as a tombstone, so that a late copy does not bring it back: its
-- key and time without content (null), which is all that a source knows when it deletes what was never seen here.

create table activity (
  org_id uuid not null,
  activity_id uuid not null,
  source text not null,
  external_id text not null,
  rep_id uuid,
  kind text,
  outcome text,
  subject text,
  occurred_at timestamptz,
  day date,
  minutes int,
  deal_external_id text,
  source_updated_at timestamptz,
  deleted boolean not null default false,
  received_at timestamptz not null,
  primary key (org_id, activity_id),
  unique (org_id, source, external_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  check (deleted = (num_nonnulls(rep_id, kind, occurred_at, day) = 0)),
  check (deleted or num_nulls(rep_id, kind, occurred_at, day) = 0)
);
create index activity_by_rep_day on activity (org_id, rep_id, day) include (kind, outcome) where not deleted;
create index activity_by_time on activity (org_id, occurred_at, activity_id) where not deleted;

create table lead (
  org_id uuid not null,
  lead_id uuid not null,
  source text not null,
  external_id text not null,
  rep_id uuid,
  channel text,
  company text,
  arrived_at timestamptz,
  day date,
  first_response_at timestamptz,
  quoted_at timestamptz,
  source_updated_at timestamptz,
  deleted boolean not null default false,
  received_at timestamptz not null,
  primary key (org_id, lead_id),
  unique (org_id, source, external_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  check (deleted = (num_nonnulls(rep_id, arrived_at, day) = 0)),
  check (deleted or num_nulls(rep_id, arrived_at, day) = 0)
);
create index lead_by_rep_day on lead (org_id, rep_id, day) where not deleted;
create index lead_by_time on lead (org_id, arrived_at, lead_id) where not deleted;

create table deal (
  org_id uuid not null,
  deal_id uuid not null,
  source text not null,
  external_id text not null,
  rep_id uuid,
  name text,
  account text,
  product text,
  stage text,
  status text check (status in ('OPEN', 'WON', 'LOST')),
  amount numeric,
  margin numeric,
  units numeric,
  currency text,
  -- Units of the organisation's currency for one of the deal's, fixed when the deal was stored.
  exchange_rate numeric,
  territory_id uuid,
  lead_external_id text,
  opened_at timestamptz,
  opened_day date,
  closed_at timestamptz,
  closed_day date,
  expected_close_on date,
  source_updated_at timestamptz,
  deleted boolean not null default false,
  received_at timestamptz not null,
  version int not null default 1,
  primary key (org_id, deal_id),
  unique (org_id, source, external_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, territory_id) references territory (org_id, territory_id),
  check (deleted = (num_nonnulls(rep_id, name, stage, status, amount, currency, exchange_rate, opened_at, opened_day) = 0)),
  check (deleted or num_nulls(rep_id, name, stage, status, amount, currency, exchange_rate, opened_at, opened_day) = 0),
  check ((status = 'OPEN') = (closed_at is null)),
  check ((closed_at is null) = (closed_day is null))
);
create index deal_by_opened on deal (org_id, opened_at, deal_id) where not deleted;
create index deal_by_closed on deal (
  org_id, (case when closed_at is null then timestamptz '9999-12-31 00:00:00+00' else closed_at end), deal_id
) where not deleted;
create index deal_by_amount on deal (org_id, (amount * exchange_rate), deal_id) where not deleted;
create index deal_by_rep_closed on deal (org_id, rep_id, closed_day) where not deleted;
create index deal_by_rep_opened on deal (org_id, rep_id, opened_day) where not deleted;
create index deal_by_territory on deal (org_id, territory_id, closed_day) where not deleted and territory_id is not null;

-- Stages as the source told them, or as they were seen to change: only ever added to, so that the order of arrival does
-- not matter. The same stage twice running is one stay. No foreign keys here and below: who stores the deal stores these, and
-- a look at the deal for every row would cost more than the row.
create table deal_stage (
  org_id uuid not null,
  deal_id uuid not null,
  entered_at timestamptz not null,
  stage text not null,
  -- When the source said so; of two words about the same instant the later counts.
  told_at timestamptz not null default '-infinity',
  primary key (org_id, deal_id, entered_at)
);

-- Who is credited with how much of a deal: its splits, or the owner with all of it. Amounts are in the organisation's
-- currency and sum to the deal's to the cent (largest remainder). Kept in the transaction that stores the deal.
create table credit (
  org_id uuid not null,
  deal_id uuid not null,
  rep_id uuid not null,
  share numeric not null check (share > 0 and share <= 1),
  amount numeric not null,
  margin numeric,
  units numeric,
  status text not null,
  opened_day date not null,
  closed_day date,
  territory_id uuid,
  primary key (org_id, deal_id, rep_id)
);
create index credit_by_rep_closed on credit (org_id, rep_id, closed_day) include (status, amount, margin, units);
create index credit_by_territory on credit (org_id, territory_id, closed_day) where territory_id is not null;

-- migrate: rollback
