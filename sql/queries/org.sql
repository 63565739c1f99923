-- The organisation: calendar, users, keys, teams, reps, leave, territories.

-- name: organization_add
-- A new tenant.
with listed as (insert into tenant (org_id) values ($1))
insert into organization (org_id, name, currency, created_at) values ($1, $2, $3, $4);

-- name: event_head_add
-- The log of a new tenant begins empty.
insert into event_head (org_id) values ($1);

-- name: calendar_lock
-- Before facts are put on the days of another calendar: waits for calls that store facts, and makes later ones wait.
select pg_advisory_xact_lock(hashtextextended('calendar', hashtextextended(($1::uuid)::text, 0)));

-- name: calendar_add
-- A version of the rules of time; versions are never edited.
insert into calendar (org_id, version, valid_from, time_zone, week_starts_on, fiscal_start_month, fiscal_pattern,
  workdays, opens_at, closes_at, holidays, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: calendar_versions
-- All versions; a later one governs from its valid_from on, whatever earlier ones said.
select version, valid_from, time_zone, week_starts_on, fiscal_start_month, fiscal_pattern, workdays, opens_at, closes_at,
  holidays
from calendar where org_id = $1 order by version;

-- name: calendar_days_remove
-- Before the projection is written anew.
delete from calendar_day where org_id = $1;

-- name: calendar_days_add
-- The projection of the calendar, one row a day.
insert into calendar_day (org_id, day, calendar_version, week, month, quarter, year, is_workday, workdays_before,
  starts_at, opens_at, closes_at, business_seconds_before)
select $1, d.*
from unnest($2::date[], $3::int[], $4::date[], $5::date[], $6::date[], $7::date[], $8::bool[], $9::int[],
  $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::bigint[]) d;

-- name: calendar_day_last
-- How far ahead the projection reaches.
select max(day) from calendar_day where org_id = $1;

-- name: users_add
-- New people, all at once.
insert into app_user (org_id, user_id, external_id, email, name, role, active, created_at)
select $1, u.*, $8
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[]) u;

-- name: organization_lock
-- One change of an organisation's structure at a time; facts go on being stored meanwhile.
select name, currency, managers_see_pay, several_spiffs, version from organization where org_id = $1 for no key update;

-- name: organization_save
-- What may change of an organisation.
update organization set name = $2, managers_see_pay = $3, several_spiffs = $4, version = $5 where org_id = $1;

-- name: activity_days_redo
-- After the calendar changed: the local day is the latest that had begun (a change of zone moves it by two at most).
update activity f set day = d.day
from activity g, lateral (
  select max(c.day) as day from calendar_day c
  where c.org_id = $1 and c.day between g.day - 2 and g.day + 2 and c.starts_at <= g.occurred_at
) d
where f.org_id = $1 and g.org_id = $1 and g.activity_id = f.activity_id and d.day <> f.day;

-- name: lead_days_redo
-- The same for leads.
update lead f set day = d.day
from lead g, lateral (
  select max(c.day) as day from calendar_day c
  where c.org_id = $1 and c.day between g.day - 2 and g.day + 2 and c.starts_at <= g.arrived_at
) d
where f.org_id = $1 and g.org_id = $1 and g.lead_id = f.lead_id and d.day <> f.day;

-- name: deal_days_redo
-- The same for deals, opened and closed.
update deal f set opened_day = d.opened_day, closed_day = d.closed_day
from deal g, lateral (
  select
    coalesce((select max(c.day) from calendar_day c where c.org_id = $1
      and c.day between g.opened_day - 2 and g.opened_day + 2 and c.starts_at <= g.opened_at), g.opened_day),
    coalesce((select max(c.day) from calendar_day c where c.org_id = $1
      and c.day between g.closed_day - 2 and g.closed_day + 2 and c.starts_at <= g.closed_at), g.closed_day)
) d (opened_day, closed_day)
where f.org_id = $1 and g.org_id = $1 and g.deal_id = f.deal_id
  and (f.opened_day, f.closed_day) is distinct from (d.opened_day, d.closed_day);

-- name: credit_days_redo
-- Credits follow their deals.
update credit c set opened_day = d.opened_day, closed_day = d.closed_day
from deal d
where c.org_id = $1 and d.org_id = $1 and d.deal_id = c.deal_id and not d.deleted
  and (c.opened_day, c.closed_day) is distinct from (d.opened_day, d.closed_day);

-- name: users_found
-- Those that a list of users may mean.
select user_id, external_id, email, name, role, active, version from app_user
where org_id = $1 and (external_id = any($2::text[]) or lower(email) = any($3::text[]));

-- name: users_put
-- New and changed people, all at once.
insert into app_user (org_id, user_id, external_id, email, name, role, active, version, created_at)
select $1, u.*, $9
from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::int[]) u
on conflict (org_id, user_id) do update set external_id = excluded.external_id, email = excluded.email,
  name = excluded.name, role = excluded.role, active = excluded.active, version = excluded.version;

-- name: teams_all
-- The whole tree.
select team_id, external_id, name, parent_id, manager_id, version from team where org_id = $1;

-- name: reps_of_users
-- The reps that some users are.
select rep_id from rep where org_id = $1 and user_id = any($2::uuid[]) order by rep_id;

-- name: teams_put
-- New and changed teams, all at once.
insert into team (org_id, team_id, external_id, name, parent_id, manager_id, version, created_at)
select $1, t.*, $8
from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::int[]) t
on conflict (org_id, team_id) do update set name = excluded.name, parent_id = excluded.parent_id,
  manager_id = excluded.manager_id, version = excluded.version;

-- name: team_ancestors_remove
-- Before the closure is written anew.
delete from team_ancestor where org_id = $1;

-- name: team_ancestors_add
-- The closure of the tree.
insert into team_ancestor (org_id, team_id, ancestor_id, depth)
select $1, c.* from unnest($2::uuid[], $3::uuid[], $4::int[]) c;

-- name: assignments_first
-- The first day on which anybody was in a team.
select min(starts_on) from assignment where org_id = $1;

-- name: teams_named
-- Teams by external id.
select external_id, team_id from team where org_id = $1 and external_id = any($2::text[]);

-- name: reps_found
-- Those that a list of reps may mean, and those that the users it names are linked to.
select rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version from rep
where org_id = $1 and (external_id = any($2::text[]) or user_id = any($3::uuid[]));

-- name: assignments_of
-- Where reps were, in order.
select rep_id, team_id, starts_on, ends_on from assignment
where org_id = $1 and rep_id = any($2::uuid[]) order by rep_id, starts_on;

-- name: leave_of
-- When reps were off, in order.
select rep_id, starts_on, ends_on, reason from rep_leave
where org_id = $1 and rep_id = any($2::uuid[]) order by rep_id, starts_on;

-- name: reps_put
-- New and changed reps, all at once.
insert into rep (org_id, rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version, created_at)
select $1, r.*, $12
from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::date[], $10::date[],
  $11::int[]) r
on conflict (org_id, rep_id) do update set user_id = excluded.user_id, name = excluded.name, email = excluded.email,
  title = excluded.title, role = excluded.role, hired_on = excluded.hired_on, left_on = excluded.left_on,
  version = excluded.version;

-- name: assignments_remove
-- Before histories are written anew.
delete from assignment where org_id = $1 and rep_id = any($2::uuid[]);

-- name: assignments_add
-- Histories, all at once.
insert into assignment (org_id, rep_id, starts_on, ends_on, team_id)
select $1, a.* from unnest($2::uuid[], $3::date[], $4::date[], $5::uuid[]) a;

-- name: leave_remove
-- Before leave is written anew.
delete from rep_leave where org_id = $1 and rep_id = any($2::uuid[]);

-- name: leave_add
-- Leave, all at once.
insert into rep_leave (org_id, rep_id, starts_on, ends_on, reason)
select $1, l.* from unnest($2::uuid[], $3::date[], $4::date[], $5::text[]) l;

-- name: territories_all
-- The whole tree.
select territory_id, external_id, name, parent_id, version from territory where org_id = $1;

-- name: territories_put
-- New and changed territories, all at once.
insert into territory (org_id, territory_id, external_id, name, parent_id, version, created_at)
select $1, t.*, $7
from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::int[]) t
on conflict (org_id, territory_id) do update set name = excluded.name, parent_id = excluded.parent_id,
  version = excluded.version;

-- name: reps_named
-- Reps by external id.
select external_id, rep_id from rep where org_id = $1 and external_id = any($2::text[]);

-- name: reps_here
-- Who sells on a day.
select external_id from rep where org_id = $1 and hired_on <= $2 and (left_on is null or left_on > $2) order by external_id;

-- name: coverage_of
-- Who covers territories, and when.
select territory_id, rep_id, starts_on, ends_on from territory_assignment
where org_id = $1 and territory_id = any($2::uuid[]) order by territory_id, rep_id, starts_on;

-- name: coverage_remove
-- Before coverage is written anew.
delete from territory_assignment where org_id = $1 and territory_id = any($2::uuid[]);

-- name: coverage_add
-- Coverage, all at once.
insert into territory_assignment (org_id, territory_id, rep_id, starts_on, ends_on)
select $1, c.* from unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[]) c;

-- name: api_key_add
-- A partner's key; of its secret only the hash.
insert into api_key (org_id, key_id, name, hash, last_four, scopes, created_by, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: api_key_revoke
-- Once; a second time changes nothing.
update api_key set revoked_at = $3 where org_id = $1 and key_id = $2 and revoked_at is null;

-- name: api_keys_by_id
-- Keys as their administrator sees them.
select key_id, name, last_four, scopes, created_at, expires_at, revoked_at from api_key
where org_id = $1 and key_id = any($2::uuid[]);
