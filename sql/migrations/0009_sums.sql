-- What facts add up to, so that a team's numbers are read and not counted again from every fact of every member.
-- depends: 0008_traces

-- migrate: apply

-- A measure that is kept added up: a leaf of the formula of a KPI in use, by a hash of it. `fact_sum` is whole for it.
create table operand (
  org_id uuid not null references organization,
  operand_id uuid not null,
  leaf jsonb not null,
  primary key (org_id, operand_id)
);

-- By team and day: OWN is of whoever was in the team on that day, BELOW of whoever was in a team below it. Where it is a
-- median, or what is open at the end of a week, `day` is the week's first; a median has a row for each number `x`.
create table fact_sum (
  org_id uuid not null,
  operand_id uuid not null,
  team_id uuid not null,
  day date not null,
  part text not null check (part in ('OWN', 'BELOW')),
  x numeric not null,
  sample bigint not null,
  total numeric not null,
  primary key (org_id, operand_id, team_id, day, part, x)
);

-- The weeks of which everybody's scorecards were computed: from the first fact's to the current one.
create table scorecard_span (
  org_id uuid primary key references organization,
  first_week date not null,
  last_week date not null
);

-- What is left of a recompute of everybody: 1 the sums of a team's own facts, 2 those of the teams below, 3 the scorecards of
-- a rep or a team. Deleted in the transaction that takes it.
create table recompute_step (
  org_id uuid not null,
  step int not null check (step between 1 and 3),
  subject text not null,
  subject_id uuid not null,
  operand_id uuid not null,
  from_day date not null,
  through_day date,
  inputs_through timestamptz not null,
  primary key (org_id, step, subject, subject_id, operand_id)
);

grant select, insert, update, delete on operand, fact_sum, scorecard_span, recompute_step to attain_app;
alter table operand enable row level security;
create policy tenant on operand to attain_app
  using (org_id = nullif(current_setting('attain.org_id', true), '')::uuid);
alter table fact_sum enable row level security;
create policy tenant on fact_sum to attain_app
  using (org_id = nullif(current_setting('attain.org_id', true), '')::uuid);
alter table scorecard_span enable row level security;
create policy tenant on scorecard_span to attain_app
  using (org_id = nullif(current_setting('attain.org_id', true), '')::uuid);
alter table recompute_step enable row level security;
create policy tenant on recompute_step to attain_app
  using (org_id = nullif(current_setting('attain.org_id', true), '')::uuid);

-- As before, and STAFF: of a team those who were in it themselves, not below it.
create or replace view subject_rep with (security_invoker = true) as
select org_id, 'REP' as subject, rep_id as subject_id, rep_id, '-infinity'::date as starts_on, 'infinity'::date as ends_on
from rep
union all
select t.org_id, 'TEAM', t.ancestor_id, a.rep_id, a.starts_on, coalesce(a.ends_on, 'infinity')
from team_ancestor t
join assignment a on a.org_id = t.org_id and a.team_id = t.team_id
union all
select org_id, 'STAFF', team_id, rep_id, starts_on, coalesce(ends_on, 'infinity') from assignment;

-- migrate: rollback
