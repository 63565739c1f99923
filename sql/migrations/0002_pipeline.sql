-- Facts from the CRM.
-- depends: 0001_org

-- migrate: apply

-- Unique by (source, external_id); a deleted fact stays as a tombstone, so that a late copy does not bring it back.

create table activity (
  org_id uuid not null,
  activity_id uuid not null,
  source text not null,
  external_id text not null,
  rep_id uuid not null,
  kind text not null,
  outcome text,
  subject text,
  occurred_at timestamptz not null,
  day date not null,
  minutes int,
  deal_external_id text,
  source_updated_at timestamptz,
  deleted boolean not null default false,
  received_at timestamptz not null,
  primary key (org_id, activity_id),
  unique (org_id, source, external_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);
create index activity_by_rep_day on activity (org_id, rep_id, day) include (kind, outcome) where not deleted;

create table lead (
  org_id uuid not null,
  lead_id uuid not null,
  source text not null,
  external_id text not null,
  rep_id uuid not null,
  channel text,
  company text,
  arrived_at timestamptz not null,
  day date not null,
  first_response_at timestamptz,
  quoted_at timestamptz,
  source_updated_at timestamptz,
  deleted boolean not null default false,
  received_at timestamptz not null,
  primary key (org_id, lead_id),
  unique (org_id, source, external_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);
create index lead_by_rep_day on lead (org_id, rep_id, day) where not deleted;

create table deal (
  org_id uuid not null,
  deal_id uuid not null,
  source text not null,
  external_id text not null,
  rep_id uuid not null,
  name text not null,
  account text,
  product text,
  stage text not null,
  status text not null check (status in ('OPEN', 'WON', 'LOST')),
  amount numeric not null,
  margin numeric,
  units numeric,
  currency text not null,
  -- Units of the organisation's currency for one of the deal's, fixed when the deal was stored.
  exchange_rate numeric not null default 1,
  territory_id uuid,
  lead_external_id text,
  opened_at timestamptz not null,
  opened_day date not null,
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
  check ((status = 'OPEN') = (closed_at is null)),
  check ((closed_at is null) = (closed_day is null))
);
create index deal_by_rep_closed on deal (org_id, rep_id, closed_day) where not deleted;
create index deal_by_rep_opened on deal (org_id, rep_id, opened_day) where not deleted;
create index deal_by_territory on deal (org_id, territory_id, closed_day) where not deleted and territory_id is not null;

create table deal_stage (
  org_id uuid not null,
  deal_id uuid not null,
  entered_at timestamptz not null,
  stage text not null,
  primary key (org_id, deal_id, entered_at),
  foreign key (org_id, deal_id) references deal (org_id, deal_id)
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
  primary key (org_id, deal_id, rep_id),
  foreign key (org_id, deal_id) references deal (org_id, deal_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);
create index credit_by_rep_closed on credit (org_id, rep_id, closed_day) include (status, amount, margin, units);
create index credit_by_territory on credit (org_id, territory_id, closed_day) where territory_id is not null;

-- migrate: rollback
