-- Quotas (versioned) and attainment.
-- depends: 0003_scorecards

-- migrate: apply

create table quota (
  org_id uuid not null references organization,
  quota_id uuid not null,
  subject text not null check (subject in ('REP', 'TEAM', 'TERRITORY', 'ORGANIZATION')),
  subject_id uuid not null,
  measure text not null check (measure in ('REVENUE', 'MARGIN', 'UNITS', 'KPI')),
  kpi_id uuid,
  period_kind text not null check (period_kind in ('WEEK', 'MONTH', 'QUARTER', 'YEAR')),
  starts_on date not null,
  ends_on date not null check (ends_on > starts_on),
  version int not null,
  created_at timestamptz not null,
  primary key (org_id, quota_id),
  check ((measure = 'KPI') = (kpi_id is not null)),
  foreign key (org_id, kpi_id) references kpi (org_id, kpi_id)
);
create unique index quota_identity on quota (
  org_id, subject, subject_id, measure, coalesce(kpi_id, '00000000-0000-0000-0000-000000000000'::uuid),
  period_kind, starts_on
);
create index quota_by_period on quota (org_id, starts_on, ends_on);
create index quota_by_subject on quota (org_id, subject_id, starts_on);

create table quota_version (
  org_id uuid not null,
  quota_id uuid not null,
  version int not null,
  amount numeric not null check (amount >= 0),
  currency text,
  -- Weights of the parts of the period (4 quarters or 12 months of a year, 3 months of a quarter); empty is even.
  seasonality numeric[] not null default '{}',
  proration_basis text not null check (proration_basis in ('DAYS', 'WORKDAYS', 'MONTHS', 'NONE')),
  pace_basis text not null check (pace_basis in ('DAYS', 'WORKDAYS', 'SEASONALITY')),
  -- Share of the full quota in the first, second, ... month after hire; full afterwards.
  ramp numeric[] not null default '{}',
  note text,
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, quota_id, version),
  foreign key (org_id, quota_id) references quota (org_id, quota_id)
);

-- A proposal of quotas of a team or the organisation for a period, to be approved as a whole.
create table quota_plan (
  org_id uuid not null references organization,
  plan_id uuid not null,
  name text not null,
  subject text not null check (subject in ('TEAM', 'ORGANIZATION')),
  subject_id uuid not null,
  measure text not null check (measure in ('REVENUE', 'MARGIN', 'UNITS')),
  period_kind text not null,
  starts_on date not null,
  ends_on date not null,
  status text not null check (status in ('PROPOSED', 'APPROVED')),
  version int not null default 1,
  method jsonb not null,
  lines jsonb not null,
  proposed_by uuid,
  proposed_at timestamptz not null,
  approved_by uuid,
  approved_at timestamptz,
  primary key (org_id, plan_id)
);

create table attainment (
  org_id uuid not null,
  subject text not null check (subject in ('REP', 'TEAM', 'TERRITORY', 'ORGANIZATION')),
  subject_id uuid not null,
  measure text not null,
  kpi_id uuid not null default '00000000-0000-0000-0000-000000000000',
  period_kind text not null,
  starts_on date not null,
  ends_on date not null,
  quota numeric,
  quota_source text check (quota_source in ('OWN', 'ROLL_UP')),
  attained numeric not null,
  ratio numeric,
  gap numeric,
  expected numeric,
  pace_ratio numeric,
  projected numeric,
  projected_ratio numeric,
  required_per_workday numeric,
  reason text,
  calendar_version int not null,
  -- What is asked besides the quota, so that more facts need not look at everybody again: the exact share of it that is
  -- expected, and the workdays left, as of a day (that of the end, once the period is over).
  elapsed_numerator numeric,
  elapsed_denominator numeric,
  workdays_left int not null,
  as_of date not null,
  computed_at timestamptz not null,
  inputs_through timestamptz not null,
  primary key (org_id, subject, subject_id, measure, kpi_id, period_kind, starts_on)
);

-- Measures and periods for which quotas are set; without a KPI, the id of nobody. `attained` is whole for it or not yet.
create table quota_board (
  org_id uuid not null references organization,
  measure text not null,
  kpi_id uuid not null,
  period_kind text not null,
  starts_on date not null,
  ends_on date not null,
  whole boolean not null default false,
  primary key (org_id, measure, kpi_id, period_kind, starts_on)
);

-- What reps attained in them, by the team of the day and by territory, where there was one.
create table attained (
  org_id uuid not null,
  measure text not null,
  kpi_id uuid not null,
  period_kind text not null,
  starts_on date not null,
  rep_id uuid not null,
  team_id uuid not null,
  territory_id uuid not null,
  value numeric not null,
  primary key (org_id, measure, kpi_id, period_kind, starts_on, rep_id, team_id, territory_id)
);
create index attained_by_team on attained (org_id, measure, kpi_id, period_kind, starts_on, team_id) include (value);
create index attained_by_territory on attained (org_id, measure, kpi_id, period_kind, starts_on, territory_id)
  include (value) where territory_id <> '00000000-0000-0000-0000-000000000000';

-- Sums of what was won in a period, by whoever was credited.
create index credit_won on credit (org_id, closed_day) include (rep_id, amount, margin, units, territory_id)
  where status = 'WON';
create index attainment_board on attainment
  (org_id, measure, kpi_id, period_kind, starts_on, subject, ratio desc nulls last, subject_id);

-- migrate: rollback
