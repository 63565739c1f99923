-- What is paid: the ledger, statements of periods, what one period hands on to the next, disputes, exports.
-- depends: 0009_sums

-- migrate: apply

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
create index dispute_by_line on dispute (org_id, line_id, opened_at desc);
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

grant select, insert, update, delete on pay_period, statement, earning_carry, cancellation, dispute to attain_app;
-- Written once: no statement of the application can change or remove these.
grant select, insert on calculation, earning, dispute_event, payroll_export to attain_app;

do $$
declare
  t text;
begin
  foreach t in array array[
    'pay_period', 'statement', 'calculation', 'earning', 'earning_carry', 'cancellation', 'dispute', 'dispute_event',
    'payroll_export']
  loop
    execute format('alter table %I enable row level security', t);
    execute format(
      'create policy tenant on %I to attain_app using '
      '(org_id = nullif(current_setting(''attain.org_id'', true), '''')::uuid)', t);
  end loop;
end
$$;

-- migrate: rollback
