-- The organisation as it is looked up: people, teams, territories, keys, and who did what.
-- A sight (`uuid[]`) names the reps or teams that the viewer sees; null means all.

-- name: organization
-- The tenant itself.
select org_id, name, currency, managers_see_pay, several_spiffs, version, created_at from organization where org_id = $1;

-- name: users_by_id
-- People by id.
select user_id, external_id, email, name, role, active, version from app_user
where org_id = $1 and user_id = any($2::uuid[]);

-- name: users_page
-- People by name, as far as they are seen; the id breaks ties.
select user_id, external_id, email, name, role, active, version from app_user
where org_id = $1 and ($2::uuid[] is null or user_id = any($2)) and ($3::text[] is null or role = any($3))
  and ($4::text is null or position(lower($4) in lower(name)) > 0 or position(lower($4) in lower(email)) > 0)
  and ($5::text is null or (name, user_id) > ($5, $6::uuid))
order by name, user_id limit $7;

-- name: users_count
-- Length of the list of people.
select count(*) from app_user
where org_id = $1 and ($2::uuid[] is null or user_id = any($2)) and ($3::text[] is null or role = any($3))
  and ($4::text is null or position(lower($4) in lower(name)) > 0 or position(lower($4) in lower(email)) > 0);

-- name: reps_by_id
-- Reps by id, whoever asks.
select rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version from rep
where org_id = $1 and rep_id = any($2::uuid[]);

-- name: rep_of_subject
-- The rep behind what one of several kinds of subjects carries, to come along with it.
select rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version from rep
where org_id = $1 and rep_id = $2 and $3::text = 'REP';

-- name: reps_by_external_id
-- Reps by the CRM's key, as far as they are seen.
select rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version from rep
where org_id = $1 and external_id = any($2::text[]) and ($3::uuid[] is null or rep_id = any($3));

-- name: reps_by_name
-- A page of the reps of a search, by name.
select rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version from rep
where org_id = $1 and ($2::uuid[] is null or rep_id = any($2)) and ($3::text[] is null or role = any($3))
  and ($4::text is null or position(lower($4) in lower(name)) > 0 or position(lower($4) in lower(email)) > 0)
  and ($5::text[] is null or case when left_on <= $6::date then 'LEFT' else 'ACTIVE' end = any($5))
  and ($7::uuid is null or rep_id in (select a.rep_id from assignment a
    join team_ancestor up on up.org_id = $1 and up.team_id = a.team_id and up.ancestor_id = $7
    where a.org_id = $1 and a.starts_on <= $6 and (a.ends_on is null or a.ends_on > $6)))
  and ($8::text is null or (name, rep_id) > ($8, $9::uuid))
order by name, rep_id limit $10;

-- name: reps_by_name_desc
-- The same, last name first.
select rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version from rep
where org_id = $1 and ($2::uuid[] is null or rep_id = any($2)) and ($3::text[] is null or role = any($3))
  and ($4::text is null or position(lower($4) in lower(name)) > 0 or position(lower($4) in lower(email)) > 0)
  and ($5::text[] is null or case when left_on <= $6::date then 'LEFT' else 'ACTIVE' end = any($5))
  and ($7::uuid is null or rep_id in (select a.rep_id from assignment a
    join team_ancestor up on up.org_id = $1 and up.team_id = a.team_id and up.ancestor_id = $7
    where a.org_id = $1 and a.starts_on <= $6 and (a.ends_on is null or a.ends_on > $6)))
  and ($8::text is null or (name, rep_id) < ($8, $9::uuid))
order by name desc, rep_id desc limit $10;

-- name: reps_by_hire
-- The same, the longest with us first.
select rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version from rep
where org_id = $1 and ($2::uuid[] is null or rep_id = any($2)) and ($3::text[] is null or role = any($3))
  and ($4::text is null or position(lower($4) in lower(name)) > 0 or position(lower($4) in lower(email)) > 0)
  and ($5::text[] is null or case when left_on <= $6::date then 'LEFT' else 'ACTIVE' end = any($5))
  and ($7::uuid is null or rep_id in (select a.rep_id from assignment a
    join team_ancestor up on up.org_id = $1 and up.team_id = a.team_id and up.ancestor_id = $7
    where a.org_id = $1 and a.starts_on <= $6 and (a.ends_on is null or a.ends_on > $6)))
  and ($8::date is null or (hired_on, rep_id) > ($8, $9::uuid))
order by hired_on, rep_id limit $10;

-- name: reps_by_hire_desc
-- The same, newcomers first.
select rep_id, external_id, user_id, name, email, title, role, hired_on, left_on, version from rep
where org_id = $1 and ($2::uuid[] is null or rep_id = any($2)) and ($3::text[] is null or role = any($3))
  and ($4::text is null or position(lower($4) in lower(name)) > 0 or position(lower($4) in lower(email)) > 0)
  and ($5::text[] is null or case when left_on <= $6::date then 'LEFT' else 'ACTIVE' end = any($5))
  and ($7::uuid is null or rep_id in (select a.rep_id from assignment a
    join team_ancestor up on up.org_id = $1 and up.team_id = a.team_id and up.ancestor_id = $7
    where a.org_id = $1 and a.starts_on <= $6 and (a.ends_on is null or a.ends_on > $6)))
  and ($8::date is null or (hired_on, rep_id) < ($8, $9::uuid))
order by hired_on desc, rep_id desc limit $10;

-- name: reps_count
-- Length of a search.
select count(*) from rep
where org_id = $1 and ($2::uuid[] is null or rep_id = any($2)) and ($3::text[] is null or role = any($3))
  and ($4::text is null or position(lower($4) in lower(name)) > 0 or position(lower($4) in lower(email)) > 0)
  and ($5::text[] is null or case when left_on <= $6::date then 'LEFT' else 'ACTIVE' end = any($5))
  and ($7::uuid is null or rep_id in (select a.rep_id from assignment a
    join team_ancestor up on up.org_id = $1 and up.team_id = a.team_id and up.ancestor_id = $7
    where a.org_id = $1 and a.starts_on <= $6 and (a.ends_on is null or a.ends_on > $6)));

-- name: teams_of_reps
-- The team of each rep on a day; `place` is that of the question, from 1.
select k.place, t.team_id, t.external_id, t.name, t.parent_id, t.manager_id, t.version
from unnest($2::uuid[]) with ordinality k (rep_id, place)
join assignment a on a.org_id = $1 and a.rep_id = k.rep_id and a.starts_on <= $3
  and (a.ends_on is null or a.ends_on > $3)
join team t on t.org_id = $1 and t.team_id = a.team_id;

-- name: team_of_rep
-- The team of one rep on a day, to come along with it.
select t.team_id, t.external_id, t.name, t.parent_id, t.manager_id, t.version
from assignment a join team t on t.org_id = $1 and t.team_id = a.team_id
where a.org_id = $1 and a.rep_id = $2 and a.starts_on <= $3 and (a.ends_on is null or a.ends_on > $3);

-- name: managers_of_reps
-- The manager of the nearest team up the tree that has one other than the rep itself, on each day asked for.
select distinct on (k.rep_id, k.day) k.rep_id as of_rep, k.day as on_day,
  u.user_id, u.external_id, u.email, u.name, u.role, u.active, u.version
from unnest($2::uuid[], $3::date[]) k (rep_id, day)
join rep r on r.org_id = $1 and r.rep_id = k.rep_id
join assignment a on a.org_id = $1 and a.rep_id = k.rep_id and a.starts_on <= k.day
  and (a.ends_on is null or a.ends_on > k.day)
join team_ancestor up on up.org_id = $1 and up.team_id = a.team_id
join team t on t.org_id = $1 and t.team_id = up.ancestor_id and t.manager_id is distinct from r.user_id
join app_user u on u.org_id = $1 and u.user_id = t.manager_id
order by k.rep_id, k.day, up.depth;

-- name: territories_of_reps
-- The territories that each rep covers on each day asked for.
select k.rep_id as of_rep, k.day as on_day, t.territory_id, t.external_id, t.name, t.parent_id, t.version
from unnest($2::uuid[], $3::date[]) k (rep_id, day)
join territory_assignment a on a.org_id = $1 and a.rep_id = k.rep_id and a.starts_on <= k.day
  and (a.ends_on is null or a.ends_on > k.day)
join territory t on t.org_id = $1 and t.territory_id = a.territory_id
order by k.rep_id, k.day, t.name, t.territory_id;

-- name: stays_of_reps
-- Where reps were, in order.
select a.rep_id, a.starts_on, a.ends_on, t.team_id, t.external_id, t.name, t.parent_id, t.manager_id, t.version
from assignment a join team t on t.org_id = $1 and t.team_id = a.team_id
where a.org_id = $1 and a.rep_id = any($2::uuid[]) order by a.rep_id, a.starts_on;

-- name: teams_by_id
-- Teams by id, whoever asks.
select team_id, external_id, name, parent_id, manager_id, version from team
where org_id = $1 and team_id = any($2::uuid[]);

-- name: teams_by_external_id
-- Teams by their own key, as far as they are seen.
select team_id, external_id, name, parent_id, manager_id, version from team
where org_id = $1 and external_id = any($2::text[]) and ($3::uuid[] is null or team_id = any($3));

-- name: teams_page
-- Teams by name; the id breaks ties.
select team_id, external_id, name, parent_id, manager_id, version from team
where org_id = $1 and ($2::uuid[] is null or team_id = any($2))
  and ($3::text is null or position(lower($3) in lower(name)) > 0)
  and ($4::text is null or (name, team_id) > ($4, $5::uuid))
order by name, team_id limit $6;

-- name: teams_count
-- Length of the list of teams.
select count(*) from team
where org_id = $1 and ($2::uuid[] is null or team_id = any($2))
  and ($3::text is null or position(lower($3) in lower(name)) > 0);

-- name: teams_below
-- The teams right below others, as far as they are seen.
select team_id, external_id, name, parent_id, manager_id, version from team
where org_id = $1 and parent_id = any($2::uuid[]) and ($3::uuid[] is null or team_id = any($3))
order by name, team_id;

-- name: members_page
-- A page of the reps of each team on a day, by name.
select k.team_id as of_team, m.*
from unnest($2::uuid[]) k (team_id), lateral (
  select r.rep_id, r.external_id, r.user_id, r.name, r.email, r.title, r.role, r.hired_on, r.left_on, r.version
  from assignment a join rep r on r.org_id = $1 and r.rep_id = a.rep_id
  where a.org_id = $1 and a.team_id = k.team_id and a.starts_on <= $3 and (a.ends_on is null or a.ends_on > $3)
    and ($4::uuid[] is null or r.rep_id = any($4))
    and ($5::text is null or (r.name, r.rep_id) > ($5, $6::uuid))
  order by r.name, r.rep_id limit $7
) m;

-- name: members_count
-- How many reps each team has on each day asked for.
select k.team_id as of_team, k.day as on_day, count(a.rep_id) as members
from unnest($2::uuid[], $3::date[]) k (team_id, day)
left join assignment a on a.org_id = $1 and a.team_id = k.team_id and a.starts_on <= k.day
  and (a.ends_on is null or a.ends_on > k.day) and ($4::uuid[] is null or a.rep_id = any($4))
group by k.team_id, k.day;

-- name: territories_by_id
-- Territories by id.
select territory_id, external_id, name, parent_id, version from territory
where org_id = $1 and territory_id = any($2::uuid[]);

-- name: territories_by_external_id
-- Territories by their own key.
select territory_id, external_id, name, parent_id, version from territory where org_id = $1 and external_id = any($2::text[]);

-- name: territories_page
-- Territories by name; the id breaks ties.
select territory_id, external_id, name, parent_id, version from territory
where org_id = $1 and ($2::text is null or position(lower($2) in lower(name)) > 0)
  and ($3::text is null or (name, territory_id) > ($3, $4::uuid))
order by name, territory_id limit $5;

-- name: territories_count
-- Length of the list of territories.
select count(*) from territory where org_id = $1 and ($2::text is null or position(lower($2) in lower(name)) > 0);

-- name: territories_below
-- The territories right below others.
select territory_id, external_id, name, parent_id, version from territory
where org_id = $1 and parent_id = any($2::uuid[]) order by name, territory_id;

-- name: reps_of_territories
-- Who covers each territory on each day asked for, as far as they are seen.
select k.territory_id as of_territory, k.day as on_day,
  r.rep_id, r.external_id, r.user_id, r.name, r.email, r.title, r.role, r.hired_on, r.left_on, r.version
from unnest($2::uuid[], $3::date[]) k (territory_id, day)
join territory_assignment a on a.org_id = $1 and a.territory_id = k.territory_id and a.starts_on <= k.day
  and (a.ends_on is null or a.ends_on > k.day)
join rep r on r.org_id = $1 and r.rep_id = a.rep_id
where $4::uuid[] is null or r.rep_id = any($4)
order by r.name, r.rep_id;

-- name: api_keys
-- Keys, newest first.
select key_id, name, last_four, scopes, created_at, expires_at, revoked_at from api_key
where org_id = $1 order by key_id desc;

-- name: audit_page
-- Who did what, newest first.
select audit_id, actor_id, actor, action, node_type, node_key, data, occurred_at from audit_log
where org_id = $1 and ($2::text[] is null or action = any($2))
  and ($3::text is null or (node_type = $3 and node_key = $4))
  and ($5::timestamptz is null or occurred_at >= $5) and ($6::timestamptz is null or occurred_at < $6)
  and ($7::timestamptz is null or (occurred_at, audit_id) < ($7, $8::uuid))
order by occurred_at desc, audit_id desc limit $9;

-- name: audit_count
-- Length of the audit log.
select count(*) from audit_log
where org_id = $1 and ($2::text[] is null or action = any($2))
  and ($3::text is null or (node_type = $3 and node_key = $4))
  and ($5::timestamptz is null or occurred_at >= $5) and ($6::timestamptz is null or occurred_at < $6);
