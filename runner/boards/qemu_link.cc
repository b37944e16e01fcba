#include "runner/boards/qemu_link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "base/exit_code.h"
#include "runner/device/sandbox.h"

namespace tunefarm {
namespace {

constexpr std::size_t kMaxWords = 4096;

absl::Status MissingQemu(const std::string& program) {
  return WithExitCode(
      absl::NotFoundError(absl::StrCat(program,
                                       " is not installed; on Debian and Ubuntu: apt-get install "
                                       "qemu-system-arm")),
      ExitCode::kNoDevice);
}

}  // namespace

absl::StatusOr<std::unique_ptr<QemuLink>> QemuLink::Create(const BoardQemu& qemu, QemuPlugin plugin,
                                                           bool sandboxed) {
  SubprocessOptions version;
  version.argv = {qemu.program, "--version"};
  const absl::StatusOr<RunResult> result = RunProcess(version, absl::Seconds(20));
  if (absl::IsNotFound(result.status())) return MissingQemu(qemu.program);
  TUNEFARM_RETURN_IF_ERROR(result.status());
  if (result->exit_code != 0) {
    return absl::FailedPreconditionError(absl::StrCat(qemu.program, " does not run: ", result->err));
  }
  TUNEFARM_ASSIGN_OR_RETURN(TempDir scratch, TempDir::Create("tunefarm-qemu"));
  return std::unique_ptr<QemuLink>(new QemuLink(qemu, std::move(plugin), sandboxed, std::move(scratch)));
}

std::vector<std::string> QemuLink::Command(int socket) const {
  std::vector<std::string> command = {qemu_.program, "-machine", qemu_.machine};
  if (!qemu_.cpu.empty()) command.insert(command.end(), {"-cpu", qemu_.cpu});
  command.insert(command.end(),
                 {"-nodefaults", "-display", "none", "-monitor", "none", "-serial", "none", "-S", "-chardev",
                  absl::StrCat("socket,id=gdb,fd=", socket), "-gdb", "chardev:gdb"});
  if (!plugin_.option.empty()) command.insert(command.end(), {"-plugin", plugin_.option});
  if (!sandboxed_) return command;
  if (plugin_.option.empty()) return InBox({}, {}, command);
  return InBox({{plugin_.library, plugin_.library}}, {{plugin_.folder, plugin_.folder}}, command);
}

absl::StatusOr<std::unique_ptr<gdb::Client>> QemuLink::Reset(absl::Duration deadline) {
  process_.reset();
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return ErrnoToStatus(errno, "cannot create the channel to QEMU");
  }
  gdb::Channel channel(sockets[0]);
  SubprocessOptions options;
  options.argv = Command(sockets[1]);
  options.guarded = true;
  options.inherited_fds = {sockets[1]};
  options.output_path = scratch_.path() + "/words";
  (void)unlink(options.output_path.c_str());
  absl::StatusOr<Subprocess> process = Subprocess::Spawn(options);
  close(sockets[1]);
  if (absl::IsNotFound(process.status())) return MissingQemu(options.argv[0]);
  TUNEFARM_RETURN_IF_ERROR(process.status());
  process_.emplace(*std::move(process));
  gdb::ClientOptions client_options;
  client_options.answer_deadline = deadline;
  absl::StatusOr<std::unique_ptr<gdb::Client>> client = gdb::Client::Over(std::move(channel), client_options);
  if (!client.ok()) {
    const std::string words = Words();
    return WithContext(client.status(), words.empty() ? "QEMU" : absl::StrCat("QEMU (", words, ")"));
  }
  return client;
}

std::string QemuLink::Words() {
  const absl::StatusOr<std::string> words = ReadFile(scratch_.path() + "/words");
  if (!words.ok()) return "";
  const std::size_t from = words->size() > kMaxWords ? words->size() - kMaxWords : 0;
  return std::string(absl::StripAsciiWhitespace(words->substr(from)));
}

}  // namespace tunefarm
