#include "cli/command.h"

#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "cli/format.h"

namespace tunefarm::cli {
namespace {

std::string Absolute(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

}  // namespace

std::string ConnectionFlags::DatabasePath() const {
  return Absolute(database.empty() ? DataDirectory() + "/tunefarm.db" : database);
}

std::string ConnectionFlags::DatabaseText() const {
  return database.empty() ? "" : absl::StrCat(" --db ", ShellQuote(DatabasePath()));
}

std::string ConnectionFlags::DaemonText() const {
  if (daemon.empty()) return "";
  std::string text = absl::StrCat(" --daemon ", ShellQuote(daemon));
  if (!transport.certificate_file.empty()) {
    absl::StrAppend(&text, " --tls-cert ", ShellQuote(Absolute(transport.certificate_file)));
    absl::StrAppend(&text, " --tls-key ", ShellQuote(Absolute(transport.key_file)));
    absl::StrAppend(&text, " --tls-ca ", ShellQuote(Absolute(transport.ca_file)));
  }
  if (transport.insecure) text += " --insecure";
  return text;
}

void AddJsonFlag(CLI::App* command, Invocation* invocation) {
  command->add_flag("--json", invocation->json, "Print one JSON object a line (docs/formats.md)");
}

void AddTlsFlags(CLI::App* command, ConnectionFlags* flags) {
  command->add_option("--tls-cert", flags->transport.certificate_file, "Our certificate (PEM file)");
  command->add_option("--tls-key", flags->transport.key_file, "Its key (PEM file)");
  command->add_option("--tls-ca", flags->transport.ca_file, "Who signed the server's certificate (PEM file)");
  command->add_flag("--insecure", flags->transport.insecure, "No TLS, on a network that nobody else is on");
}

void AddDaemonFlags(CLI::App* command, ConnectionFlags* flags, const std::string& fallback) {
  flags->daemon = fallback;
  auto* option =
      command->add_option("--daemon", flags->daemon,
                          fallback.empty() ? "Address of a tunefarmd (default: everything on this machine)"
                                           : "Address of the tunefarmd");
  option->type_name("ADDRESS");
  if (!fallback.empty()) option->capture_default_str();
  AddTlsFlags(command, flags);
}

void AddDatabaseFlag(CLI::App* command, ConnectionFlags* flags) {
  command->add_option("--db", flags->database, "The log database (default: tunefarm.db in $TUNEFARM_HOME)")
      ->type_name("FILE");
}

CLI::Validator AtLeastOne(int64_t most) { return CLI::Range(int64_t{1}, most).description(""); }

void Say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
}

}  // namespace tunefarm::cli
