// A bare-metal machine in QEMU: a fresh process for every reset, in a sandbox, driven over a socket that it
// inherits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/subprocess.h"
#include "runner/boards/board.h"
#include "runner/boards/target_link.h"

namespace tunefarm {

// What of QEMU's plugin a link passes on; empty: it runs without.
struct QemuPlugin {
  std::string option;   // Value of -plugin.
  std::string library;  // The file it names, to be seen from within the sandbox.
  std::string folder;   // Where it writes.
};

class QemuLink : public TargetLink {
 public:
  // `sandboxed`: in bubblewrap without network, files and rights; QEMU runs foreign code, if only emulated.
  static absl::StatusOr<std::unique_ptr<QemuLink>> Create(const BoardQemu& qemu, QemuPlugin plugin,
                                                          bool sandboxed);

  absl::StatusOr<std::unique_ptr<gdb::Client>> Reset(absl::Duration deadline) override;
  std::string Words() override;

 private:
  QemuLink(const BoardQemu& qemu, QemuPlugin plugin, bool sandboxed, TempDir scratch)
      : qemu_(qemu), plugin_(std::move(plugin)), sandboxed_(sandboxed), scratch_(std::move(scratch)) {}
  std::vector<std::string> Command(int socket) const;

  BoardQemu qemu_;
  QemuPlugin plugin_;
  bool sandboxed_;
  TempDir scratch_;
  std::optional<Subprocess> process_;
};

}  // namespace tunefarm
