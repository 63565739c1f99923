-- Who asks.

-- name: user_by_email
-- The person behind a token, with the rep that the person is.
select u.user_id, u.name, u.role, r.rep_id
from app_user u left join rep r on r.org_id = u.org_id and r.user_id = u.user_id
where u.org_id = $1 and lower(u.email) = lower($2) and u.active;

-- name: key_by_id
-- The key behind an API token; its hash is compared by the caller.
select key_id, name, hash, scopes from api_key
where org_id = $1 and key_id = $2 and revoked_at is null and (expires_at is null or expires_at > $3);

-- name: reps_below
-- The reps who on a day are in a team that the user manages, or below one.
select distinct a.rep_id
from team t
join team_ancestor below on below.org_id = t.org_id and below.ancestor_id = t.team_id
join assignment a on a.org_id = t.org_id and a.team_id = below.team_id
where t.org_id = $1 and t.manager_id = $2 and a.starts_on <= $3 and (a.ends_on is null or a.ends_on > $3);

-- name: teams_below
-- The teams that the user manages, with those below.
select distinct below.team_id
from team t
join team_ancestor below on below.org_id = t.org_id and below.ancestor_id = t.team_id
where t.org_id = $1 and t.manager_id = $2;

-- name: team_of_rep
-- The team that a rep is in on a day.
select team_id from assignment
where org_id = $1 and rep_id = $2 and starts_on <= $3 and (ends_on is null or ends_on > $3);

-- name: actors
-- Of these people and keys, those that still have access, and which.
select user_id as actor_id, role, '{}'::text[] as scopes from app_user
where org_id = $1 and user_id = any($2::uuid[]) and active
union all
select key_id, null, scopes from api_key
where org_id = $1 and key_id = any($2::uuid[]) and revoked_at is null and (expires_at is null or expires_at > $3);

-- name: user_of_role
-- Somebody who has a role, the longest there.
select email from app_user where org_id = $1 and role = $2 and active order by created_at, user_id limit 1;
