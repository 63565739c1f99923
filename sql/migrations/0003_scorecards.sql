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
  unit text not null check (unit in ('COUNT', 'MONEY', 'RATIO', 'DAYS', 'HOURS', 'MULTIPLE')),
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

-- A week of a rep or a team. `week` is its first day.
create table scorecard (
  org_id uuid not null references organization,
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
  org_id uuid not null references organization,
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
  primary key (org_id, subject, subject_id, week, kpi_id),
  foreign key (org_id, subject, subject_id, week) references scorecard (org_id, subject, subject_id, week) on delete cascade
);
create index kpi_result_board on kpi_result (org_id, kpi_id, week, subject, value desc nulls last, subject_id);

-- migrate: rollback
