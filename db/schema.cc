// The released schema versions. Documented in docs/formats.md, "Log database".
#include "db/migration.h"

namespace tunefarm::db {
namespace {

constexpr char kVersion1[] = R"sql(
-- Text and bytes that many records share: stored once.
CREATE TABLE text (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE bytes (id INTEGER PRIMARY KEY, value BLOB NOT NULL UNIQUE) STRICT;

CREATE TABLE job (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name GLOB 'job-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
  client_token TEXT UNIQUE CHECK (client_token <> ''),
  request BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled', 'failed')),
  message TEXT NOT NULL,
  submitted_unix_us INTEGER NOT NULL
) STRICT;
CREATE TABLE job_note (
  job INTEGER NOT NULL REFERENCES job (id),
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (job, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE job_event (
  job INTEGER NOT NULL REFERENCES job (id),
  sequence INTEGER NOT NULL CHECK (sequence > 0),
  event BLOB NOT NULL,
  PRIMARY KEY (job, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE proposal (
  job INTEGER NOT NULL REFERENCES job (id),
  task_index INTEGER NOT NULL CHECK (task_index >= 0),
  trial INTEGER NOT NULL CHECK (trial >= 0),
  config TEXT NOT NULL,
  PRIMARY KEY (job, task_index, trial)
) STRICT, WITHOUT ROWID;

CREATE TABLE workload (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;
-- What times may be compared within.
CREATE TABLE task (
  id INTEGER PRIMARY KEY,
  workload INTEGER NOT NULL REFERENCES workload (id),
  target_name TEXT NOT NULL,
  device_class TEXT NOT NULL,
  threads INTEGER NOT NULL CHECK (threads > 0),
  estimated INTEGER NOT NULL CHECK (estimated IN (0, 1)),
  records INTEGER NOT NULL DEFAULT 0 CHECK (records >= 0),
  UNIQUE (workload, target_name, threads, estimated, device_class)
) STRICT;

CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES job (id),
  task_index INTEGER NOT NULL CHECK (task_index >= 0),
  trial INTEGER NOT NULL CHECK (trial >= 0),
  task INTEGER NOT NULL REFERENCES task (id),
  config_hash INTEGER NOT NULL,
  median_us REAL CHECK (median_us > 0),
  failure TEXT CHECK (failure IN ('instantiate', 'compile', 'link', 'build_timeout', 'upload', 'load', 'crash',
    'timeout', 'wrong_result', 'out_of_memory', 'forked', 'wrote_file', 'forbidden_call', 'exited', 'throttled',
    'noisy', 'device_lost', 'cancelled', 'internal')),
  censored INTEGER NOT NULL CHECK (censored IN (0, 1)),
  flop REAL NOT NULL CHECK (flop >= 0),
  gflops REAL GENERATED ALWAYS AS (flop / median_us / 1e3) VIRTUAL,
  target INTEGER NOT NULL REFERENCES text (id),
  template_version INTEGER NOT NULL REFERENCES text (id),
  toolchain INTEGER NOT NULL REFERENCES text (id),
  device INTEGER NOT NULL REFERENCES text (id),
  policy INTEGER NOT NULL REFERENCES bytes (id),
  cutoff_us REAL,
  machine INTEGER NOT NULL REFERENCES bytes (id),
  input_seed INTEGER NOT NULL,
  search_seed INTEGER NOT NULL,
  created_unix_us INTEGER NOT NULL,
  kernel_digest BLOB NOT NULL CHECK (length(kernel_digest) IN (0, 32)),
  config TEXT NOT NULL,
  measurement BLOB NOT NULL,
  UNIQUE (job, task_index, trial),
  CHECK ((median_us IS NULL) = (failure IS NOT NULL OR censored))
) STRICT;
CREATE INDEX record_by_speed ON record (task, median_us);
CREATE INDEX record_by_config ON record (task, config_hash);

CREATE TABLE confirmation (
  record INTEGER PRIMARY KEY REFERENCES record (id),
  task INTEGER NOT NULL REFERENCES task (id),
  median_us REAL NOT NULL CHECK (median_us > 0),
  measurement BLOB NOT NULL
) STRICT;
CREATE INDEX confirmation_by_speed ON confirmation (task, median_us);

-- The answer to FindBest, kept up to date with each record. Rows are added and changed, never deleted, so that a reader
-- sees what is new by id.
CREATE TABLE best (
  id INTEGER PRIMARY KEY,
  task INTEGER NOT NULL UNIQUE REFERENCES task (id),
  record INTEGER NOT NULL REFERENCES record (id),
  median_us REAL NOT NULL CHECK (median_us > 0),
  confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1))
) STRICT;
)sql";

// The failures of microcontrollers. A wider CHECK changes no stored row, so the table's text is edited in
// place (sqlite.org/lang_altertable.html, 7) instead of copying what may be ten million rows; making and
// dropping a view tells other connections that the schema has changed.
constexpr char kVersion2[] = R"sql(
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''cancelled'', ''internal'')',
  '''cancelled'', ''internal'', ''fault'', ''stack_overflow'', ''memory_overrun'')')
  WHERE type = 'table' AND name = 'record';
CREATE VIEW schema_changed AS SELECT 1;
DROP VIEW schema_changed;
PRAGMA writable_schema = RESET;
)sql";

}  // namespace

const Migrations& SchemaMigrations() {
  static const Migrations steps = {kVersion1, kVersion2};
  return steps;
}

}  // namespace tunefarm::db
