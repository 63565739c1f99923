-- KPI definitions and scorecard templates (versioned, never edited in place), and their results.
-- depends: 0002_pipeline

-- migrate: apply

create table kpi (
  org_id uuid not null references organization,
  kpi_id uuid not null,
  key text not null,
  created_at timestamptz not null,
  primary key (org_id, kpi_id),
  unique (org_id, key)
);

create table kpi_version (
  org_id uuid not null,
  kpi_id uuid not null,
  version int not null,
  valid_from date not null,
  name text not null,
  description text not null,
  category text not null check (category in ('ACTIVITY', 'QUALITY', 'OUTCOME')),
  unit text not null check (unit in ('COUNT', 'MONEY', 'RATIO', 'DAYS', 'HOURS', 'MINUTES', 'MULTIPLE')),
  direction text not null check (direction in ('HIGHER_IS_BETTER', 'LOWER_IS_BETTER')),
  is_leading boolean not null,
  prorated boolean not null,
  -- Trailing weeks that the value of a week looks at: 1 for activity, more where a week is too small a sample.
  window_weeks int not null check (window_weeks between 1 and 52),
  formula jsonb not null,
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, kpi_id, version),
  foreign key (org_id, kpi_id) references kpi (org_id, kpi_id)
);

create table scorecard_template (
  org_id uuid not null references organization,
  template_id uuid not null,
  key text not null,
  created_at timestamptz not null,
  primary key (org_id, template_id),
  unique (org_id, key)
);

create table scorecard_template_version (
  org_id uuid not null,
  template_id uuid not null,
  version int not null,
  valid_from date not null,
  name text not null,
  -- Whom it is for: a team and those below, a job role, or everybody when both are null.
  team_id uuid,
  role text,
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, template_id, version),
  foreign key (org_id, template_id) references scorecard_template (org_id, template_id),
  foreign key (org_id, team_id) references team (org_id, team_id)
);

create table scorecard_template_kpi (
  org_id uuid not null,
  template_id uuid not null,
  version int not null,
  position int not null,
  kpi_id uuid not null,
  weight numeric not null check (weight > 0),
  weekly_target numeric not null,
  -- ratio >= on_track is ON_TRACK, >= at_risk is AT_RISK, below is OFF_TRACK.
  on_track numeric not null,
  at_risk numeric not null check (at_risk < on_track),
  primary key (org_id, template_id, version, kpi_id),
  foreign key (org_id, template_id, version) references scorecard_template_version (org_id, template_id, version),
  foreign key (org_id, kpi_id) references kpi (org_id, kpi_id)
);

-- A week of a rep or a team. `week` is its first day. What is computed has no foreign keys, here and below: one job writes
-- it, from rows that have them, and a look into another table for every row would cost more than the row.
create table scorecard (
  org_id uuid not null,
  subject text not null check (subject in ('REP', 'TEAM')),
  subject_id uuid not null,
  week date not null,
  template_id uuid not null,
  template_version int not null,
  calendar_version int not null,
  workdays int not null,
  workdays_available int not null,
  score numeric,
  status text not null check (status in ('ON_TRACK', 'AT_RISK', 'OFF_TRACK', 'NO_DATA')),
  computed_at timestamptz not null,
  inputs_through timestamptz not null,
  primary key (org_id, subject, subject_id, week)
);
create index scorecard_by_week on scorecard (org_id, week, subject, subject_id);

create table kpi_result (
  org_id uuid not null,
  subject text not null check (subject in ('REP', 'TEAM')),
  subject_id uuid not null,
  week date not null,
  kpi_id uuid not null,
  kpi_version int not null,
  position int not null,
  weight numeric not null,
  value numeric,
  numerator numeric,
  denominator numeric,
  sample int not null,
  target numeric,
  ratio numeric,
  gap numeric,
  status text not null check (status in ('ON_TRACK', 'AT_RISK', 'OFF_TRACK', 'NO_DATA')),
  trend numeric,
  computed_at timestamptz not null,
  inputs_through timestamptz not null,
  primary key (org_id, subject, subject_id, week, kpi_id)
);
-- Without the value, by which a board is ranked after it is read: an index that holds what every fact changes would have
-- each change written to all indexes.
create index kpi_result_board on kpi_result (org_id, kpi_id, week, subject, subject_id);
-- A page takes those of many subjects in one week: they lie side by side here, in their order.
create index kpi_result_by_week on kpi_result (org_id, week, subject, subject_id, position);

-- Whose facts count for a subject, and from (inclusive) to (exclusive) which day: a rep's own always, a team's those of
-- whoever was in it or below it on that day.
create view subject_rep with (security_invoker = true) as
select org_id, 'REP' as subject, rep_id as subject_id, rep_id, '-infinity'::date as starts_on, 'infinity'::date as ends_on
from rep
union all
select t.org_id, 'TEAM', t.ancestor_id, a.rep_id, a.starts_on, coalesce(a.ends_on, 'infinity')
from team_ancestor t
join assignment a on a.org_id = t.org_id and a.team_id = t.team_id;

-- Seconds of business hours before an instant, counted as calendar_day counts: two of them subtract to the time between.
-- No row for null, or an instant that the calendar does not reach. Set-returning, so that Postgres inlines it.
create function business_seconds(org uuid, instant timestamptz) returns table (seconds bigint)
language sql stable rows 1 as $$
  select d.business_seconds_before + case
    when d.is_workday then greatest(0, floor(extract(epoch from least(instant, d.closes_at) - d.opens_at)))::bigint
    else 0
  end
  from calendar_day d
  where d.org_id = org and d.starts_at <= instant
    and d.day between (instant at time zone 'UTC')::date - 1 and (instant at time zone 'UTC')::date + 1
  order by d.day desc
  limit 1
$$;

-- migrate: rollback
