-- Coaching rules (versioned) and the action feed.
-- depends: 0004_quotas

-- migrate: apply

create table coaching_rule (
  org_id uuid not null references organization,
  rule_id uuid not null,
  key text not null,
  created_at timestamptz not null,
  primary key (org_id, rule_id),
  unique (org_id, key)
);

create table coaching_rule_version (
  org_id uuid not null,
  rule_id uuid not null,
  version int not null,
  valid_from date not null,
  active boolean not null,
  name text not null,
  kpi_id uuid not null,
  definition jsonb not null,
  created_by uuid,
  created_at timestamptz not null,
  primary key (org_id, rule_id, version),
  foreign key (org_id, rule_id) references coaching_rule (org_id, rule_id),
  foreign key (org_id, kpi_id) references kpi (org_id, kpi_id)
);

create table action_item (
  org_id uuid not null references organization,
  item_id uuid not null,
  kind text not null check (kind in ('COACHING', 'MANUAL', 'DISPUTE')),
  status text not null check (status in ('OPEN', 'IN_PROGRESS', 'SNOOZED', 'DONE', 'DISMISSED', 'RECOVERED')),
  title text not null,
  body text not null,
  rep_id uuid not null,
  assignee_id uuid,
  kpi_id uuid,
  rule_id uuid,
  rule_version int,
  week date,
  evidence jsonb,
  priority numeric not null,
  due_on date,
  snoozed_until date,
  outcome text,
  dismiss_reason text,
  version int not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  closed_at timestamptz,
  primary key (org_id, item_id),
  foreign key (org_id, rep_id) references rep (org_id, rep_id),
  foreign key (org_id, assignee_id) references app_user (org_id, user_id),
  foreign key (org_id, kpi_id) references kpi (org_id, kpi_id),
  foreign key (org_id, rule_id) references coaching_rule (org_id, rule_id)
);
create unique index action_item_one_open on action_item (org_id, rep_id, kpi_id)
  where kind = 'COACHING' and status in ('OPEN', 'IN_PROGRESS', 'SNOOZED');
create index action_item_board on action_item (org_id, status, priority desc, item_id);
create index action_item_by_rep on action_item (org_id, rep_id, created_at desc);
create index action_item_by_assignee on action_item (org_id, assignee_id, status);

create table action_item_event (
  org_id uuid not null,
  item_id uuid not null,
  event_id uuid not null,
  kind text not null,
  actor_id uuid,
  comment text,
  data jsonb not null default '{}',
  occurred_at timestamptz not null,
  primary key (org_id, item_id, event_id),
  foreign key (org_id, item_id) references action_item (org_id, item_id)
);

-- migrate: rollback
