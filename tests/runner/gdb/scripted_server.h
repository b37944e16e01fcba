// A GDB server that answers as a script says, for good conversations and for all that can go wrong.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "runner/gdb/channel.h"
#include "runner/gdb/packet.h"
#include "tests/catch.h"

namespace tunefarm::gdb {

class ScriptedServer {
 public:
  // The raw bytes sent in return for a request, or for "\x03"; nullopt closes the connection.
  using Answer = std::function<std::optional<std::string>(const std::string& request)>;

  explicit ScriptedServer(Answer answer) : answer_(std::move(answer)) {
    int sockets[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
    client_ = sockets[0];
    server_ = sockets[1];
    thread_ = std::thread([this] { Serve(); });
  }
  ~ScriptedServer() {
    shutdown(server_, SHUT_RDWR);
    thread_.join();
    close(server_);
  }
  Channel channel() { return Channel(std::exchange(client_, -1)); }
  // All requests so far; once the client is destroyed.
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  void Serve() {
    PacketDecoder decoder;
    char bytes[4096];
    for (ssize_t got; (got = recv(server_, bytes, sizeof bytes, 0)) > 0;) {
      const std::string text(bytes, static_cast<std::size_t>(got));
      if (text == "\x03") {
        if (!Reply("\x03")) return;
        continue;
      }
      decoder.Feed(text);
      while (const auto received = decoder.Next()) {
        if (received->kind == Received::Kind::kPacket && !Reply(received->payload)) return;
        if (received->kind == Received::Kind::kNak && !Reply("-")) return;
      }
    }
  }
  bool Reply(const std::string& request) {
    requests_.push_back(request);
    const std::optional<std::string> answer = answer_(request);
    if (!answer.has_value()) {
      shutdown(server_, SHUT_RDWR);
      return false;
    }
    return send(server_, answer->data(), answer->size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(answer->size());
  }

  Answer answer_;
  int client_ = -1, server_ = -1;
  std::vector<std::string> requests_;
  std::thread thread_;
};

// Acknowledged.
inline std::string Good(const std::string& payload) { return "+" + EncodePacket(payload); }

// What every server says first, then `answer`.
inline ScriptedServer::Answer AfterHandshake(ScriptedServer::Answer answer) {
  return [answer](const std::string& request) -> std::optional<std::string> {
    if (absl::StartsWith(request, "qSupported")) return Good("PacketSize=200");
    if (request == "?") return Good("S05");
    return answer(request);
  };
}

}  // namespace tunefarm::gdb
