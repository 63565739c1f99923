-- The organisation: calendar, users, keys, teams, reps, leave, territories.
-- depends:

-- migrate: apply

-- The application runs as this role: no superuser, no owner, so row-level security always binds it. Roles belong to the
-- cluster, hence the check.
do $$
begin
  if not exists (select from pg_roles where rolname = 'attain_app') then
    create role attain_app nologin nobypassrls;
  end if;
exception when duplicate_object or unique_violation then null;
end
$$;

-- Whoever migrates and serves may become that role; a superuser may anyway.
do $$
begin
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant attain_app to %I', current_user);
  end if;
end
$$;

create table organization (
  org_id uuid primary key,
  name text not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  managers_see_pay boolean not null default false,
  version int not null default 1,
  created_at timestamptz not null
);

-- Effective-dated rules of time. The latest version whose valid_from is not after a day governs that day.
create table calendar (
  org_id uuid not null references organization,
  version int not null,
  valid_from date not null,
  time_zone text not null,
  week_starts_on int not null check (week_starts_on between 1 and 7),
  fiscal_start_month int not null check (fiscal_start_month between 1 and 12),
  fiscal_pattern text not null check (fiscal_pattern in ('MONTHS', 'WEEKS_445', 'WEEKS_454', 'WEEKS_544')),
  workdays int[] not null,
  opens_at time not null,
  closes_at time not null check (closes_at > opens_at),
  holidays date[] not null default '{}',
  created_at timestamptz not null,
  primary key (org_id, version)
);

-- The calendar worked out day by day (a projection of `calendar`, made by domain/calendar.py), so that set-based
-- statements count workdays and business seconds by subtraction.
create table calendar_day (
  org_id uuid not null references organization,
  day date not null,
  calendar_version int not null,
  week date not null,
  month date not null,
  quarter date not null,
  year date not null,
  is_workday boolean not null,
  workdays_before int not null,
  starts_at timestamptz not null,
  opens_at timestamptz not null,
  closes_at timestamptz not null,
  business_seconds_before bigint not null,
  primary key (org_id, day)
);

create table app_user (
  org_id uuid not null references organization,
  user_id uuid not null,
  external_id text,
  email text not null,
  name text not null,
  role text not null check (role in ('ADMIN', 'COMP_ADMIN', 'MANAGER', 'REP')),
  active boolean not null default true,
  version int not null default 1,
  created_at timestamptz not null,
  primary key (org_id, user_id),
  unique (org_id, external_id)
);
create unique index app_user_email on app_user (org_id, lower(email));

create table api_key (
  org_id uuid not null references organization,
  key_id uuid not null,
  name text not null,
  hash bytea not null,
  last_four text not null,
  scopes text[] not null,
  created_by uuid,
  created_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  primary key (org_id, key_id)
);

create table team (
  org_id uuid not null references organization,
  team_id uuid not null,
  external_id text not null,
  name text not null,
  parent_id uuid,
  manager_id uuid,
  version int not null default 1,
  created_at timestamptz not null,
  primary key (org_id, team_id),
  unique (org_id, external_id),
  foreign key (org_id, parent_id) references team (org_id, team_id),
  foreign key (org_id, manager_id) references app_user (org_id, user_id)
);
create index team_by_parent on team (org_id, parent_id);
create index team_by_manager on team (org_id, manager_id);

-- The tree's closure, each team its own ancestor at depth 0.
create table team_ancestor (
  org_id uuid not null,
  team_id uuid not null,
  ancestor_id uuid not null,
  depth int not null,
  primary key (org_id, team_id, ancestor_id),
  foreign key (org_id, team_id) references team (org_id, team_id),
  foreign key (org_id, ancestor_id) references team (org_id, team_id)
);
create index team_ancestor_down on team_ancestor (org_id, ancestor_id, team_id);

-- Sells, or did: whether a rep still does follows from `left_on`, the first day on which it is gone.
create table rep (
  org_id uuid not null references organization,
  rep_id uuid not null,
  external_id text not null,
  user_id uuid,
  name text not null,
  email text,
  title text,
  role text,
  hired_on date not null,
  left_on date,
  version int not null default 1,
  created_at timestamptz not null,
  primary key (org_id, rep_id),
  unique (org_id, external_id),
  unique (org_id, user_id),
  foreign key (org_id, user_id) references app_user (org_id, user_id),
  check (left_on is null or left_on >= hired_on)
);
create index rep_by_name on rep (org_id, name, rep_id);

-- Which team a rep was in, from a day (inclusive) to a day (exclusive; null is open).
create table assignment (
  org_id uuid not null,
  rep_id uuid not null,
  starts_on date not null,
  ends_on date,
  team_id uuid not null,
  primary key (org_id, rep_id, starts_on),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, team_id) references team (org_id, team_id),
  check (ends_on is null or ends_on > starts_on)
);
create index assignment_by_team on assignment (org_id, team_id, starts_on);

create table rep_leave (
  org_id uuid not null,
  rep_id uuid not null,
  starts_on date not null,
  ends_on date not null check (ends_on > starts_on),
  reason text,
  primary key (org_id, rep_id, starts_on),
  foreign key (org_id, rep_id) references rep (org_id, rep_id)
);

create table territory (
  org_id uuid not null references organization,
  territory_id uuid not null,
  external_id text not null,
  name text not null,
  parent_id uuid,
  version int not null default 1,
  created_at timestamptz not null,
  primary key (org_id, territory_id),
  unique (org_id, external_id),
  foreign key (org_id, parent_id) references territory (org_id, territory_id)
);

create table territory_assignment (
  org_id uuid not null,
  territory_id uuid not null,
  rep_id uuid not null,
  starts_on date not null,
  ends_on date,
  primary key (org_id, territory_id, rep_id, starts_on),
  foreign key (org_id, territory_id) references territory (org_id, territory_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  check (ends_on is null or ends_on > starts_on)
);
create index territory_assignment_by_rep on territory_assignment (org_id, rep_id);

-- migrate: rollback
