-- owned by store: work that follows from events and is done at least once, under a lease

CREATE TABLE jobs (
  id              TEXT    NOT NULL PRIMARY KEY,
  kind            TEXT    NOT NULL,
  key             TEXT    NOT NULL UNIQUE, -- reactor, position, target
  organization_id TEXT,
  payload         TEXT    NOT NULL, -- JSON
  state           TEXT    NOT NULL, -- queued | running | done | failed | cancelled | paused
  done_count      INTEGER NOT NULL,
  total_count     INTEGER,
  cursor          TEXT,             -- where a batch goes on
  attempts        INTEGER NOT NULL, -- since the last progress
  run_after       INTEGER NOT NULL,
  lease_owner     TEXT,
  lease_until     INTEGER,
  error           TEXT,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX jobs_due ON jobs (kind, run_after) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (kind, lease_until) WHERE state = 'running';
CREATE INDEX jobs_organization ON jobs (organization_id, created_at);
CREATE INDEX jobs_newest ON jobs (created_at, id);
