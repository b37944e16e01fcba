// What a GDB client and a server said to each other: recorded from a real one, and repeated in its place.
//
// As text, a line each: "@" for a connection, "> " what the client sent, "< " what the server sent; packets
// without their frame, "+" for an acknowledgement, "^C" for an interruption. Long requests are abridged to
// their digest.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/digest.h"
#include "runner/gdb/channel.h"
#include "runner/gdb/packet.h"
#include "tests/catch.h"

namespace tunefarm::gdb {

// Of what the client sends.
inline std::string Abridged(const std::string& payload) {
  constexpr std::size_t kLong = 120, kBeginning = 20;
  if (payload.size() <= kLong) return absl::CEscape(payload);
  return absl::StrCat(absl::CEscape(payload.substr(0, kBeginning)), "... of ", payload.size(),
                      " bytes, SHA-256 ", Sha256Hex(payload).substr(0, 16));
}

// The things in a piece of one side's stream, in the form above.
inline std::vector<std::string> Things(PacketDecoder& decoder, const std::string& bytes, bool abridge) {
  if (bytes == "\x03") return {"^C"};
  decoder.Feed(bytes);
  std::vector<std::string> things;
  while (const auto received = decoder.Next()) {
    switch (received->kind) {
      case Received::Kind::kAck:
        things.emplace_back("+");
        break;
      case Received::Kind::kPacket:
        things.push_back(abridge ? Abridged(received->payload) : absl::CEscape(received->payload));
        break;
      default:
        things.emplace_back("(damaged)");
    }
  }
  return things;
}

// Takes one connection after the other at a Unix socket, and ends with its scope.
class ConversationServer {
 public:
  explicit ConversationServer(const std::string& path)
      : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    REQUIRE(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_, 8) == 0);
  }
  virtual ~ConversationServer() { close(listener_); }

 protected:
  void Begin() {
    thread_ = std::thread([this] {
      for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) Serve(Channel(fd));
    });
  }
  // To be called before anything that Serve uses goes. All clients are gone by then.
  void End() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
  }
  virtual void Serve(Channel client) = 0;

 private:
  int listener_;
  std::thread thread_;
};

// Stands between client and server, and writes down what passes.
class Recorder : public ConversationServer {
 public:
  Recorder(const std::string& path, std::string server)
      : ConversationServer(path), server_(std::move(server)) {
    Begin();
  }
  ~Recorder() override { End(); }
  std::string text() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return text_;
  }

 private:
  void Serve(Channel client) override {
    absl::StatusOr<Channel> server = Channel::Connect(server_, absl::Now() + absl::Seconds(10));
    if (!server.ok()) return;
    Note("@\n");
    PacketDecoder from_client, from_server;
    for (bool open = true; open;) {
      pollfd entries[2] = {{client.fd(), POLLIN, 0}, {server->fd(), POLLIN, 0}};
      poll(entries, 2, -1);
      // An answer was there before what the client says next.
      if (entries[1].revents != 0) open = Pass(*server, client, "< ", from_server, false) && open;
      if (entries[0].revents != 0) open = Pass(client, *server, "> ", from_client, true) && open;
    }
    // Until the server is ready for another client.
    shutdown(server->fd(), SHUT_WR);
    while (server->Read(absl::Now() + absl::Seconds(10)).ok()) {
    }
  }

  bool Pass(Channel& from, Channel& to, const char* mark, PacketDecoder& decoder, bool abridge) {
    const absl::Time soon = absl::Now() + absl::Seconds(10);
    const absl::StatusOr<std::string> bytes = from.Read(soon);
    if (!bytes.ok()) return false;
    for (const std::string& thing : Things(decoder, *bytes, abridge)) Note(absl::StrCat(mark, thing, "\n"));
    return to.Write(*bytes, soon).ok();
  }

  void Note(const std::string& line) {
    const std::lock_guard<std::mutex> lock(mutex_);
    text_ += line;
  }

  std::string server_;
  std::mutex mutex_;
  std::string text_;
};

// Says what the server said, as long as the client says what the client said.
class Replayer : public ConversationServer {
 public:
  Replayer(const std::string& path, const std::string& text) : ConversationServer(path) {
    for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      if (!absl::StartsWith(line, "#")) lines_.emplace_back(line);
    }
    Begin();
  }
  ~Replayer() override {
    End();
    if (!difference_.empty()) WARN(difference_);
  }
  // Where the client left the conversation; empty: nowhere.
  std::string difference() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return difference_;
  }
  // What was not said yet. The client has gone: nothing more is under way.
  std::size_t left() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lines_.size() - at_;
  }

 private:
  void Serve(Channel client) override {
    PacketDecoder decoder;
    bool good = Expect("@");
    while (good && Answer(client)) {
      const absl::StatusOr<std::string> bytes = client.Read(absl::Now() + absl::Seconds(60));
      if (!bytes.ok()) return;
      for (const std::string& thing : Things(decoder, *bytes, true)) {
        good = good && Expect("> " + thing);
        // What comes next may be expected only after an answer.
        good = good && Answer(client);
      }
    }
  }

  bool Expect(const std::string& line) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (difference_.empty() && at_ < lines_.size() && lines_[at_] == line) {
      ++at_;
      return true;
    }
    if (difference_.empty()) {
      difference_ = absl::StrCat("line ", at_ + 1, ": '", line, "' in place of '",
                                 at_ < lines_.size() ? lines_[at_] : "", "'");
    }
    return false;
  }

  bool Answer(Channel& client) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (; at_ < lines_.size() && absl::StartsWith(lines_[at_], "< "); ++at_) {
      std::string payload;
      if (!absl::CUnescape(absl::StripPrefix(lines_[at_], "< "), &payload)) return false;
      const std::string bytes = payload == "+" ? payload : EncodePacket(payload);
      if (!client.Write(bytes, absl::Now() + absl::Seconds(10)).ok()) return false;
    }
    return true;
  }

  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  std::string difference_;
};

}  // namespace tunefarm::gdb
