// What the commands have in common. Each command is a pair of files: Add<Command> declares its flags on the
// parser and sets what runs when it was chosen; parsing does nothing else.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "base/exit_code.h"
#include "base/status.h"
#include "proto/rpc.h"

namespace tunefarm::cli {

// Filled by the command that was chosen.
struct Invocation {
  // The exit status after everything was told, or an error for main() to tell.
  std::function<absl::StatusOr<ExitCode>()> run;
  bool json = false;
};

struct ConnectionFlags {
  std::string daemon;  // Empty: embedded.
  TransportOptions transport;
  std::string database;  // Empty: the default one.

  std::string DatabasePath() const;  // `database`, or DataDirectory()/tunefarm.db; absolute.
  // " --daemon A ..." or " --db FILE" as given, to be appended to a command shown to the user; starts with a
  // space when not empty. Paths are absolute, so that the command works in any folder.
  std::string DaemonText() const;
  std::string DatabaseText() const;
};

void AddJsonFlag(CLI::App* command, Invocation* invocation);
void AddTlsFlags(CLI::App* command, ConnectionFlags* flags);
// --daemon with the TLS flags. `fallback` is the address without the flag; empty: embedded.
void AddDaemonFlags(CLI::App* command, ConnectionFlags* flags, const std::string& fallback);
void AddDatabaseFlag(CLI::App* command, ConnectionFlags* flags);

// A count that is at least 1. Says so only when it is violated: in --help it would hide the option's own
// text.
CLI::Validator AtLeastOne(int64_t most = 1000000);

// A line on stderr: for people, also while stdout carries --json.
void Say(const std::string& text);

}  // namespace tunefarm::cli
