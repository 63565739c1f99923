-- Incentives: plans, who is on them, credits, the ledger of earnings, statements, disputes, payroll.
-- depends: 0006_live

-- migrate: apply

-- Whether a team may have more than one SPIFF in a quarter.
alter table organization add column several_spiffs boolean not null default false;

-- A plan and what is drafted of it. What was published stands in incentive_plan_version and never changes.
create table incentive_plan (
  org_id uuid not null references organization,
  plan_id uuid not null,
  key text not null,
  name text not null,
  -- The length of the periods that it pays for; fixed once published.
  period_kind text not null check (period_kind in ('MONTH', 'QUARTER', 'YEAR')),
  -- The newest published version; null until then.
  published int,
  draft jsonb,
  drafted_by uuid,
  drafted_at timestamptz,
  -- The first day on which it pays nothing any more.
  archived_on date,
  version int not null default 1,
  created_at timestamptz not null,
  primary key (org_id, plan_id),
  unique (org_id, key)
);

create table incentive_plan_version (
  org_id uuid not null,
  plan_id uuid not null,
  version int not null,
  name text not null,
  document jsonb not null,
  starts_on date not null,
  ends_on date check (ends_on > starts_on),
  published_by uuid,
  published_at timestamptz not null,
  primary key (org_id, plan_id, version),
  foreign key (org_id, plan_id) references incentive_plan (org_id, plan_id)
);

-- Who is on a plan, from a day (inclusive) to a day (exclusive; null is open). `target` is the rep's own of a period, where
-- components pay a share of a target.
create table incentive_assignment (
  org_id uuid not null,
  plan_id uuid not null,
  rep_id uuid not null,
  starts_on date not null,
  ends_on date check (ends_on > starts_on),
  target numeric check (target >= 0),
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, plan_id, rep_id, starts_on),
  foreign key (org_id, plan_id) references incentive_plan (org_id, plan_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);
create index incentive_assignment_by_rep on incentive_assignment (org_id, rep_id, starts_on);

create table incentive_acknowledgement (
  org_id uuid not null,
  plan_id uuid not null,
  version int not null,
  rep_id uuid not null,
  acknowledged_by uuid,
  acknowledged_at timestamptz not null,
  primary key (org_id, plan_id, version, rep_id),
  foreign key (org_id, plan_id, version) references incentive_plan_version (org_id, plan_id, version),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);

-- In which currency a rep is paid, where it is not the organisation's.
create table payee (
  org_id uuid not null,
  rep_id uuid not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  primary key (org_id, rep_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);

-- Units of the currency `into` for one of `base`, from a day on. A ledger line's trace keeps the rate that it used.
create table currency_rate (
  org_id uuid not null references organization,
  base text not null check (base ~ '^[A-Z]{3}$'),
  into_currency text not null check (into_currency ~ '^[A-Z]{3}$'),
  valid_from date not null,
  rate numeric not null check (rate > 0),
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, base, into_currency, valid_from),
  check (base <> into_currency)
);

-- A rep who is credited besides those who sell: a share of what a team, a territory or a product wins.
create table overlay (
  org_id uuid not null,
  overlay_id uuid not null,
  rep_id uuid not null,
  team_id uuid,
  territory_id uuid,
  product text,
  share numeric not null check (share > 0 and share <= 1),
  starts_on date not null,
  ends_on date check (ends_on > starts_on),
  reason text not null,
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, overlay_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, team_id) references team (org_id, team_id),
  foreign key (org_id, territory_id) references territory (org_id, territory_id),
  check (num_nonnulls(team_id, territory_id, product) > 0)
);
create index overlay_by_rep on overlay (org_id, rep_id);

-- A credit by hand. Never changed: what is wrong is set right by another one.
create table manual_credit (
  org_id uuid not null,
  credit_id uuid not null,
  rep_id uuid not null,
  role text not null check (role in ('DIRECT', 'TEAM', 'OVERLAY')),
  deal_id uuid,
  day date not null,
  amount numeric not null,
  margin numeric,
  units numeric,
  reason text not null,
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, credit_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, deal_id) references deal (org_id, deal_id)
);
create index manual_credit_by_rep on manual_credit (org_id, rep_id, day);
create index manual_credit_by_deal on manual_credit (org_id, deal_id) where deal_id is not null;

-- How far a rep reached an objective of a plan's component in a period; 1 is all of it.
create table objective_score (
  org_id uuid not null,
  plan_id uuid not null,
  component text not null,
  objective text not null,
  rep_id uuid not null,
  starts_on date not null,
  score numeric not null check (score >= 0),
  note text,
  scored_by uuid,
  scored_at timestamptz not null,
  primary key (org_id, plan_id, rep_id, starts_on, component, objective),
  foreign key (org_id, plan_id) references incentive_plan (org_id, plan_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);

-- Periods whose statements do not change any more. No row: the period is open.
create table pay_period (
  org_id uuid not null references organization,
  period_kind text not null check (period_kind in ('MONTH', 'QUARTER', 'YEAR')),
  starts_on date not null,
  ends_on date not null,
  locked_by uuid,
  locked_at timestamptz not null,
  paid_by uuid,
  paid_at timestamptz,
  primary key (org_id, period_kind, starts_on)
);

-- What a rep earned in a period, in all. `version` counts the changes of its numbers and states.
create table statement (
  org_id uuid not null,
  statement_id uuid not null,
  rep_id uuid not null,
  period_kind text not null check (period_kind in ('MONTH', 'QUARTER', 'YEAR')),
  starts_on date not null,
  ends_on date not null,
  currency text not null,
  state text not null default 'ESTIMATED' check (state in ('ESTIMATED', 'APPROVED', 'LOCKED', 'PAID')),
  -- Parts of the total: earned for this period, put right of earlier ones, by hand, and drawn or recovered.
  earned numeric not null default 0,
  carried numeric not null default 0,
  adjusted numeric not null default 0,
  drawn numeric not null default 0,
  total numeric not null default 0 check (total = earned + carried + adjusted + drawn),
  version int not null default 1,
  approved_by uuid,
  approved_at timestamptz,
  locked_by uuid,
  locked_at timestamptz,
  paid_by uuid,
  paid_at timestamptz,
  computed_at timestamptz not null,
  inputs_through timestamptz not null,
  primary key (org_id, statement_id),
  unique (org_id, rep_id, period_kind, starts_on),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);
create index statement_by_period on statement (org_id, period_kind, starts_on, rep_id);

-- What a line was calculated from: with the version of the plan it re-executes to the same cent.
create table calculation (
  org_id uuid not null,
  calculation_id uuid not null,
  rep_id uuid not null,
  plan_id uuid not null,
  plan_version int not null,
  starts_on date not null,
  inputs jsonb not null,
  created_at timestamptz not null,
  primary key (org_id, calculation_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, plan_id, plan_version) references incentive_plan_version (org_id, plan_id, version)
);

-- The ledger. A line is written once; what was wrong is reversed by a line that names it and written anew.
-- `origin_starts_on` is the period that a line is about: not its statement's when that one was locked already.
create table earning (
  org_id uuid not null,
  line_id uuid not null,
  statement_id uuid not null,
  rep_id uuid not null,
  period_kind text not null,
  origin_starts_on date not null,
  kind text not null check (kind in
    ('EARNING', 'TRUE_UP', 'CAP', 'DRAW', 'RECOVERY', 'CLAWBACK', 'ADJUSTMENT', 'REVERSAL')),
  plan_id uuid,
  plan_version int,
  component text,
  deal_id uuid,
  -- Unique among the lines that hold of a rep, a plan and a period.
  key text not null,
  -- What was credited for it, in the component's measure.
  base numeric,
  amount numeric not null,
  currency text not null,
  calculation_id uuid,
  reverses uuid,
  reason text,
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, line_id),
  foreign key (org_id, statement_id) references statement (org_id, statement_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, plan_id, plan_version) references incentive_plan_version (org_id, plan_id, version),
  foreign key (org_id, deal_id) references deal (org_id, deal_id),
  foreign key (org_id, calculation_id) references calculation (org_id, calculation_id),
  foreign key (org_id, reverses) references earning (org_id, line_id),
  check ((kind = 'REVERSAL') = (reverses is not null)),
  check (kind = 'REVERSAL' or (kind = 'ADJUSTMENT') = (plan_id is null)),
  check ((kind in ('ADJUSTMENT', 'REVERSAL')) = (calculation_id is null)),
  check (kind <> 'ADJUSTMENT' or reason is not null)
);
create unique index earning_reversed_once on earning (org_id, reverses);
create index earning_by_statement on earning (org_id, statement_id, line_id);
create index earning_by_rep on earning (org_id, rep_id, period_kind, origin_starts_on);
create index earning_by_deal on earning (org_id, deal_id) where deal_id is not null;

-- What a plan hands on from a rep's period to the next one, in the plan's order: what is owed of draws in the payee's
-- currency, and what each component (and "", the plan) earned since it began in the plan's.
create table earning_carry (
  org_id uuid not null,
  rep_id uuid not null,
  plan_id uuid not null,
  starts_on date not null,
  owed numeric not null,
  earned jsonb not null,
  primary key (org_id, rep_id, plan_id, starts_on),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, plan_id) references incentive_plan (org_id, plan_id)
);

-- A deal of a locked period that was won no more afterwards, under a plan with clawback windows: its credit stays where it
-- was, and what is taken back of `paid` is a line of the period that holds `cancelled_on`. Gone when the deal is won again.
create table cancellation (
  org_id uuid not null,
  rep_id uuid not null,
  plan_id uuid not null,
  starts_on date not null,
  deal_id uuid not null,
  closed_on date not null,
  cancelled_on date not null,
  paid numeric not null,
  -- As it stood in the calculation of the locked period.
  credits jsonb not null,
  primary key (org_id, rep_id, plan_id, starts_on, deal_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, plan_id) references incentive_plan (org_id, plan_id),
  foreign key (org_id, deal_id) references deal (org_id, deal_id)
);

-- A rep's doubt about a line. The action item tells the approver that there is one; the words stay here.
create table dispute (
  org_id uuid not null,
  dispute_id uuid not null,
  rep_id uuid not null,
  statement_id uuid not null,
  line_id uuid not null,
  status text not null check (status in ('OPEN', 'ACCEPTED', 'REJECTED', 'WITHDRAWN')),
  item_id uuid not null,
  opened_by uuid,
  opened_at timestamptz not null,
  closed_at timestamptz,
  version int not null default 1,
  primary key (org_id, dispute_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, statement_id) references statement (org_id, statement_id),
  foreign key (org_id, line_id) references earning (org_id, line_id),
  foreign key (org_id, item_id) references action_item (org_id, item_id)
);
create unique index dispute_one_open on dispute (org_id, line_id) where status = 'OPEN';
create index dispute_by_statement on dispute (org_id, statement_id);
create index dispute_by_rep on dispute (org_id, rep_id, opened_at desc);

create table dispute_event (
  org_id uuid not null,
  dispute_id uuid not null,
  event_id uuid not null,
  kind text not null check (kind in ('OPENED', 'COMMENTED', 'ACCEPTED', 'REJECTED', 'WITHDRAWN')),
  actor_id uuid,
  comment text not null,
  -- The adjustment that an accepted dispute led to.
  line_id uuid,
  occurred_at timestamptz not null,
  primary key (org_id, dispute_id, event_id),
  foreign key (org_id, dispute_id) references dispute (org_id, dispute_id),
  foreign key (org_id, line_id) references earning (org_id, line_id)
);

-- Every run of an export. The first of a period keeps what was exported; later ones give the same bytes.
create table payroll_export (
  org_id uuid not null references organization,
  export_id uuid not null,
  period_kind text not null,
  starts_on date not null,
  run int not null,
  repeats uuid,
  rows int not null,
  -- Currency -> control total.
  totals jsonb not null,
  csv text,
  json text,
  csv_sha256 bytea not null,
  json_sha256 bytea not null,
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, export_id),
  unique (org_id, period_kind, starts_on, run),
  foreign key (org_id, period_kind, starts_on) references pay_period (org_id, period_kind, starts_on),
  foreign key (org_id, repeats) references payroll_export (org_id, export_id),
  check ((repeats is null) = (run = 1)),
  check ((repeats is null) = (csv is not null and json is not null))
);

-- Who is credited with what of the deals that were won, and why: DIRECT by the deal's splits, TEAM as the manager of a team
-- above (as of the day it was won), OVERLAY beside the seller; and by hand. In the organisation's currency.
create view incentive_credit with (security_invoker = true) as
select c.org_id, 'DIRECT' as role, 'DEAL' as source, c.rep_id, c.rep_id as seller_id, c.deal_id, null::uuid as source_id,
  c.closed_day as day, c.share, c.amount, c.margin, c.units
from credit c
where c.status = 'WON'
union all
select c.org_id, 'TEAM', 'DEAL', m.rep_id, c.rep_id, c.deal_id, null, c.closed_day, c.share, c.amount, c.margin, c.units
from rep m
cross join lateral (
  -- Once, however many teams above one another the manager leads.
  select distinct a.rep_id, a.starts_on, a.ends_on
  from team t
  join team_ancestor below on below.org_id = t.org_id and below.ancestor_id = t.team_id
  join assignment a on a.org_id = below.org_id and a.team_id = below.team_id
  where t.org_id = m.org_id and t.manager_id = m.user_id and a.rep_id <> m.rep_id
) led
join credit c on c.org_id = m.org_id and c.rep_id = led.rep_id and c.status = 'WON' and c.closed_day >= led.starts_on
  and (led.ends_on is null or c.closed_day < led.ends_on)
union all
select o.org_id, 'OVERLAY', 'DEAL', o.rep_id, c.rep_id, c.deal_id, o.overlay_id, c.closed_day, o.share * c.share,
  o.share * c.amount, o.share * c.margin, o.share * c.units
from overlay o
join credit c on c.org_id = o.org_id and c.status = 'WON' and c.rep_id <> o.rep_id and c.closed_day >= o.starts_on
  and (o.ends_on is null or c.closed_day < o.ends_on)
join deal d on d.org_id = c.org_id and d.deal_id = c.deal_id
where (o.product is null or d.product = o.product)
  and (o.territory_id is null or c.territory_id = o.territory_id)
  and (o.team_id is null or exists (
    select from assignment a
    join team_ancestor up on up.org_id = a.org_id and up.team_id = a.team_id and up.ancestor_id = o.team_id
    where a.org_id = c.org_id and a.rep_id = c.rep_id and a.starts_on <= c.closed_day
      and (a.ends_on is null or a.ends_on > c.closed_day)))
union all
select h.org_id, h.role, 'MANUAL', h.rep_id, h.rep_id, h.deal_id, h.credit_id, h.day, null, h.amount, h.margin, h.units
from manual_credit h;

grant select on incentive_credit to attain_app;
grant select, insert, update, delete on incentive_plan, incentive_assignment, payee, currency_rate, overlay,
  objective_score, pay_period, statement, earning_carry, cancellation, dispute to attain_app;
-- Written once: no statement of the application can change or remove these.
grant select, insert on incentive_plan_version, incentive_acknowledgement, manual_credit, calculation, earning,
  dispute_event, payroll_export to attain_app;

do $$
declare
  t text;
begin
  foreach t in array array[
    'incentive_plan', 'incentive_plan_version', 'incentive_assignment', 'incentive_acknowledgement', 'payee',
    'currency_rate', 'overlay', 'manual_credit', 'objective_score', 'pay_period', 'statement', 'calculation', 'earning',
    'earning_carry', 'cancellation', 'dispute', 'dispute_event', 'payroll_export']
  loop
    execute format('alter table %I enable row level security', t);
    execute format(
      'create policy tenant on %I to attain_app using '
      '(org_id = nullif(current_setting(''attain.org_id'', true), '''')::uuid)', t);
  end loop;
end
$$;

-- migrate: rollback
