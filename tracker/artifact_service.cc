// The Artifacts service: streams between the network and the store.
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "proto/rpc.h"
#include "tracker/peer.h"
#include "tracker/service.h"

namespace tunefarm {
namespace {

constexpr std::size_t kChunkBytes = 1 << 20;
// Digests of one FindMissing; a bigger question is a client's mistake.
constexpr int kMaxQuestions = 100'000;

// Receives one artifact. Deletes itself; an upload that did not finish leaves nothing.
class PutReactor final : public grpc::ServerReadReactor<v1::PutChunk> {
 public:
  PutReactor(ArtifactStore* store, const absl::Status& allowed) : store_(store) {
    if (allowed.ok()) {
      StartRead(&chunk_);
    } else {
      End(allowed);
    }
  }

  void OnReadDone(bool ok) override {
    if (ended_) return;
    if (!ok) {
      End(upload_ == nullptr ? absl::InvalidArgumentError("the upload had no chunk") : upload_->Finish());
      return;
    }
    if (const absl::Status status = Take(); !status.ok() || already_there_) {
      End(status);
    } else {
      StartRead(&chunk_);
    }
  }
  void OnCancel() override {}
  void OnDone() override { delete this; }

 private:
  absl::Status Take() {
    if (chunk_.data().size() > kChunkBytes) {
      return absl::InvalidArgumentError(absl::StrCat("a chunk has ", chunk_.data().size(), " bytes; at most ",
                                                     kChunkBytes, " are allowed"));
    }
    if (upload_ == nullptr) {
      already_there_ = store_->Has(chunk_.digest());
      if (already_there_) return absl::OkStatus();
      TUNEFARM_ASSIGN_OR_RETURN(upload_, store_->Begin(chunk_.digest(), chunk_.size_bytes()));
    }
    return upload_->Append(chunk_.data());
  }

  void End(const absl::Status& status) {
    ended_ = true;
    upload_.reset();  // Before the client hears: what failed is gone when it asks.
    Finish(ToGrpc(status));
  }

  ArtifactStore* const store_;
  v1::PutChunk chunk_;
  std::unique_ptr<ArtifactStore::Upload> upload_;
  bool already_there_ = false;
  bool ended_ = false;
};

// Sends one artifact. Deletes itself.
class GetReactor final : public grpc::ServerWriteReactor<v1::GetChunk> {
 public:
  explicit GetReactor(absl::StatusOr<int> file) {
    if (file.ok()) {
      file_ = *file;
      SendNext();
    } else {
      Finish(ToGrpc(file.status()));
    }
  }
  ~GetReactor() override {
    if (file_ >= 0) close(file_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      SendNext();
    } else {
      Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override { delete this; }

 private:
  void SendNext() {
    std::string& data = *chunk_.mutable_data();
    data.resize(kChunkBytes);
    ssize_t got = -1;
    do {
      got = read(file_, data.data(), data.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      Finish(ToGrpc(ErrnoToStatus(errno, "reading an artifact")));
    } else if (got == 0) {
      Finish(grpc::Status::OK);
    } else {
      data.resize(got);
      StartWrite(&chunk_);
    }
  }

  int file_ = -1;
  v1::GetChunk chunk_;
};

}  // namespace

grpc::ServerUnaryReactor* ArtifactService::FindMissing(grpc::CallbackServerContext* context,
                                                       const v1::FindMissingRequest* request,
                                                       v1::FindMissingResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (request->digests_size() > kMaxQuestions) {
    reactor->Finish(ToGrpc(absl::InvalidArgumentError(
        absl::StrCat("asks for ", request->digests_size(), " digests; at most ", kMaxQuestions))));
    return reactor;
  }
  for (const std::string& digest : request->digests()) {
    if (!store_->Has(digest)) response->add_missing(digest);
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerReadReactor<v1::PutChunk>* ArtifactService::Put(grpc::CallbackServerContext* context,
                                                            v1::PutResponse*) {
  return new PutReactor(store_, CheckIsUser(IdentityOf(*context)));
}

grpc::ServerWriteReactor<v1::GetChunk>* ArtifactService::Get(grpc::CallbackServerContext*,
                                                             const v1::GetRequest* request) {
  return new GetReactor(store_->OpenForReading(request->digest()));
}

}  // namespace tunefarm
