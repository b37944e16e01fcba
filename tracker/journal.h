// The tracker's memory on disk: accepted work, unacknowledged results, devices with their fences, leases and
// health, and drains, in one SQLite file (journal.db) of the state folder.
//
// Durability: a commit survives the death of the process at any moment (kill -9). It is not flushed to the
// disk each time (WAL with synchronous=NORMAL), so a power failure may lose the last moments, never more, and
// never damages the file: fences still grow (tracker/lease.h), and a client sees from Collect that its work
// is unknown and submits it again. A flush for each commit would cost each trial a disk's latency twice, 10
// ms and more on the SD cards of small machines.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "tracker/state.h"

namespace tunefarm {

// Not thread safe.
class Journal {
 public:
  // Version of the schema that this program writes.
  static constexpr int kSchemaVersion = 1;

  // Opens or creates. The error carries its exit status: kDatabaseReadOnly, kDatabaseNewer, kDatabaseLocked
  // (another tracker has this folder), kDiskFull, kDatabaseCorrupt.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& folder);
  ~Journal();

  absl::StatusOr<DurableState> Load();
  // All or nothing. kResourceExhausted with kDiskFull on a full disk; the same changes may be tried again
  // later.
  absl::Status Commit(const Changes& changes);

  // From now on the file may have that many pages: more is a full disk.
  absl::Status LimitPagesForTest(int pages);

 private:
  struct Connection;
  explicit Journal(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace tunefarm
