-- Incentives: plans, who is on them, and what counts for whom.
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
create index manual_credit_by_day on manual_credit (org_id, day desc, credit_id);
create index manual_credit_by_rep on manual_credit (org_id, rep_id, day);
create index manual_credit_by_deal on manual_credit (org_id, deal_id) where deal_id is not null;

-- How far a rep reached an objective of a plan's component in a period; 1 is all of it, null is not scored yet. `name` and
-- `weight` are of the rep's own objectives, where the component names none.
create table objective_score (
  org_id uuid not null,
  plan_id uuid not null,
  component text not null,
  objective text not null,
  rep_id uuid not null,
  starts_on date not null,
  score numeric check (score >= 0),
  note text,
  name text,
  weight numeric check (weight > 0),
  scored_by uuid,
  scored_at timestamptz not null,
  primary key (org_id, plan_id, rep_id, starts_on, component, objective),
  foreign key (org_id, plan_id) references incentive_plan (org_id, plan_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  check ((name is null) = (weight is null)),
  check (score is not null or name is not null)
);

-- Whom a rep leads as the manager of a team above them, on which days. Once, however many of those teams it manages.
create view incentive_led with (security_invoker = true) as
select distinct m.org_id, m.rep_id, a.rep_id as seller_id, a.starts_on, a.ends_on
from rep m
join team t on t.org_id = m.org_id and t.manager_id = m.user_id
join team_ancestor below on below.org_id = t.org_id and below.ancestor_id = t.team_id
join assignment a on a.org_id = below.org_id and a.team_id = below.team_id and a.rep_id <> m.rep_id;

-- Who is credited with what of the deals that were won, and why: DIRECT by the deal's splits, TEAM as the manager of a team
-- above (as of the day it was won), OVERLAY beside the seller; and by hand. In the organisation's currency.
create view incentive_credit with (security_invoker = true) as
select c.org_id, 'DIRECT' as role, 'DEAL' as source, c.rep_id, c.rep_id as seller_id, c.deal_id, null::uuid as source_id,
  c.closed_day as day, c.share, c.amount, c.margin, c.units
from credit c
where c.status = 'WON'
union all
select l.org_id, 'TEAM', 'DEAL', l.rep_id, c.rep_id, c.deal_id, null, c.closed_day, c.share, c.amount, c.margin, c.units
from incentive_led l
join credit c on c.org_id = l.org_id and c.rep_id = l.seller_id and c.status = 'WON' and c.closed_day >= l.starts_on
  and (l.ends_on is null or c.closed_day < l.ends_on)
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

grant select on incentive_led, incentive_credit to attain_app;
grant select, insert, update, delete on incentive_plan, incentive_assignment, payee, currency_rate, overlay,
  objective_score to attain_app;
-- Written once: no statement of the application can change or remove these.
grant select, insert on incentive_plan_version, incentive_acknowledgement, manual_credit to attain_app;

do $$
declare
  t text;
begin
  foreach t in array array[
    'incentive_plan', 'incentive_plan_version', 'incentive_assignment', 'incentive_acknowledgement', 'payee',
    'currency_rate', 'overlay', 'manual_credit', 'objective_score']
  loop
    execute format('alter table %I enable row level security', t);
    execute format(
      'create policy tenant on %I to attain_app using '
      '(org_id = nullif(current_setting(''attain.org_id'', true), '''')::uuid)', t);
  end loop;
end
$$;

-- migrate: rollback
