-- The demo company's rows as the peers are given them: plain tables, one tenant, no row-level security, indexed for the three
-- questions. `$ORG`, `$TODAY` and `$STARTS_ON` are filled in by tables.py; the period's name is the one that is asked for.
drop schema if exists peer cascade;
create schema peer;

create table peer.team (id int primary key generated always as identity, name text not null unique);
insert into peer.team (name) select name from team where org_id = $ORG order by name;

create table peer.rep (
  id int primary key generated always as identity, external_id text not null unique, name text not null, email text,
  title text, role text, hired_on date not null, left_on date, version int not null, team_id int references peer.team
);
insert into peer.rep (external_id, name, email, title, role, hired_on, left_on, version, team_id)
select r.external_id, r.name, r.email, r.title, r.role, r.hired_on, r.left_on, r.version, p.id
from rep r
left join assignment a on a.org_id = r.org_id and a.rep_id = r.rep_id
  and a.starts_on <= $TODAY and (a.ends_on is null or a.ends_on > $TODAY)
left join team t on t.org_id = r.org_id and t.team_id = a.team_id
left join peer.team p on p.name = t.name
where r.org_id = $ORG order by r.name;
create index on peer.rep (name);
create index on peer.rep (team_id);

create table peer.quota (
  rep_id int not null references peer.rep, period text not null, amount numeric not null, primary key (rep_id, period)
);
insert into peer.quota (rep_id, period, amount)
select p.id, $PERIOD, v.amount
from quota q
join quota_version v on v.org_id = q.org_id and v.quota_id = q.quota_id and v.version = q.version
join rep r on r.org_id = q.org_id and r.rep_id = q.subject_id
join peer.rep p on p.external_id = r.external_id
where q.org_id = $ORG and q.subject = 'REP' and q.measure = 'REVENUE' and q.starts_on = $STARTS_ON;

create table peer.kpi_value (
  rep_id int not null references peer.rep, position int not null, kpi text not null, value numeric, target numeric,
  primary key (rep_id, position)
);
insert into peer.kpi_value (rep_id, position, kpi, value, target)
select p.id, k.position, i.key, k.value, k.target
from kpi_result k
join kpi i on i.org_id = k.org_id and i.kpi_id = k.kpi_id
join rep r on r.org_id = k.org_id and r.rep_id = k.subject_id
join peer.rep p on p.external_id = r.external_id
where k.org_id = $ORG and k.subject = 'REP' and k.week <= $TODAY and k.week + 7 > $TODAY;

create table peer.attainment (
  period text not null, rep_id int not null references peer.rep, quota numeric not null, attained numeric not null,
  ratio numeric not null, primary key (period, rep_id)
);
insert into peer.attainment (period, rep_id, quota, attained, ratio)
select $PERIOD, p.id, a.quota, a.attained, a.ratio
from attainment a
join rep r on r.org_id = a.org_id and r.rep_id = a.subject_id
join peer.rep p on p.external_id = r.external_id
where a.org_id = $ORG and a.subject = 'REP' and a.measure = 'REVENUE' and a.starts_on = $STARTS_ON
  and a.period_kind = 'QUARTER' and a.ratio is not null; -- which rank last, and PostGraphile would have them first
create index on peer.attainment (period, ratio desc);
create index on peer.attainment (rep_id);
analyze;
