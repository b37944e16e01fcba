#include "runner/emulated/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "base/file.h"
#include "runner/executor/tensors.h"

namespace tunefarm {
namespace {

constexpr unsigned char kPattern = 0xa5;

// As much as Linux gives a process; a kernel that needs more would fail there as well.
constexpr std::uint64_t kStackBytes = 8 << 20;

// A frame this large is still found to have overflowed the stack.
constexpr std::uint64_t kStackGuard = 64 << 10;

constexpr std::uint64_t RoundUp(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

// Hands out pages one behind the other, with one left free between any two.
class Layout {
 public:
  arena_buffer Take(std::uint64_t bytes, bool constant, bool read_only, std::uint64_t guard = kArenaPage) {
    arena_buffer buffer{};
    buffer.bytes = bytes;
    buffer.constant = constant;
    buffer.read_only = read_only;
    buffer.guard_bytes = guard;
    buffer.pages = end_ + guard;
    buffer.page_bytes = RoundUp(std::max<std::uint64_t>(bytes, 64), kArenaPage);
    buffer.data = buffer.pages + buffer.page_bytes - RoundUp(std::max<std::uint64_t>(bytes, 64), 64);
    end_ = buffer.pages + buffer.page_bytes;
    return buffer;
  }
  std::uint64_t total() const { return end_ + kArenaPage; }

 private:
  std::uint64_t end_ = RoundUp(sizeof(arena_header), kArenaPage);
};

// Every buffer that is there, with its name.
std::vector<std::pair<std::string, const arena_buffer*>> Buffers(const arena_header& header) {
  std::vector<std::pair<std::string, const arena_buffer*>> buffers;
  buffers.reserve(header.argument_count + 2);
  for (std::uint32_t a = 0; a < header.argument_count; ++a) {
    buffers.emplace_back(absl::StrCat("argument ", a), &header.arguments[a]);
  }
  if (header.packed.bytes > 0) buffers.emplace_back("the packed constants", &header.packed);
  if (header.workspace.bytes > 0) buffers.emplace_back("the workspace", &header.workspace);
  return buffers;
}

}  // namespace

Arena::Arena(int fd, arena_header* header, std::uint64_t bytes)
    : fd_(fd), header_(header), bytes_(bytes), laid_out_(*header) {}

Arena::~Arena() {
  munmap(header_, bytes_);
  close(fd_);
}

unsigned char* Arena::At(std::uint64_t offset) const {
  return reinterpret_cast<unsigned char*>(header_) + offset;
}

absl::StatusOr<std::unique_ptr<Arena>> Arena::Create(const executor::Job& job, const void* expected) {
  Layout layout;
  arena_header header{};
  static_assert(executor::kMaxArguments <= kArenaArguments);
  header.argument_count = job.argument_count;
  const executor::ArgumentSpec& output = job.arguments[job.argument_count - 1];
  for (std::uint32_t a = 0; a < job.argument_count; ++a) {
    const executor::ArgumentSpec& spec = job.arguments[a];
    header.arguments[a] =
        layout.Take(spec.elements * executor::BytesOf(spec.type), spec.role == executor::Role::kConstant,
                    spec.role != executor::Role::kOutput);
  }
  if (job.packed_bytes > 0) header.packed = layout.Take(job.packed_bytes, false, false);
  if (job.workspace_bytes > 0) header.workspace = layout.Take(job.workspace_bytes, false, false);
  header.stack = layout.Take(kStackBytes, false, false, kStackGuard);
  header.spare_output = layout.Take(output.elements * executor::BytesOf(output.type), false, false).data;
  header.total_bytes = layout.total();
  if (header.total_bytes > kMaxBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("the tensors need ", header.total_bytes >> 20,
                                                     " MiB, more than an emulated board's ",
                                                     kMaxBytes >> 20));
  }
  const int fd = memfd_create("tunefarm-arena", MFD_CLOEXEC);
  if (fd < 0) return ErrnoToStatus(errno, "cannot create the memory of the emulated board");
  void* mapping = MAP_FAILED;
  if (ftruncate(fd, static_cast<off_t>(header.total_bytes)) == 0) {
    mapping = mmap(nullptr, header.total_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  if (mapping == MAP_FAILED) {
    absl::Status status = ErrnoToStatus(errno, "cannot map the memory of the emulated board");
    close(fd);
    return status;
  }
  std::unique_ptr<Arena> arena(new Arena(fd, new (mapping) arena_header(header), header.total_bytes));
  for (const auto& [name, buffer] : Buffers(header)) {
    std::memset(arena->At(buffer->pages), kPattern, buffer->page_bytes);
  }
  for (std::uint32_t a = 0; a < job.argument_count; ++a) {
    const executor::ArgumentSpec& spec = job.arguments[a];
    void* const data = arena->At(header.arguments[a].data);
    if (spec.role == executor::Role::kOutput) {
      executor::Poison(spec.type, spec.elements, expected, data);
      executor::Poison(spec.type, spec.elements, expected, arena->At(header.spare_output));
    } else {
      executor::FillInput(spec, job.input_seed, a, data);
    }
  }
  return arena;
}

const void* Arena::Output() const { return At(laid_out_.arguments[laid_out_.argument_count - 1].data); }

const void* Arena::FirstOutput() const { return At(laid_out_.spare_output); }

std::string Arena::BrokenEdge() const {
  const auto intact = [](unsigned char byte) { return byte == kPattern; };
  for (const auto& [name, buffer] : Buffers(laid_out_)) {
    const unsigned char* const pages = At(buffer->pages);
    const unsigned char* const data = At(buffer->data);
    if (!std::all_of(pages, data, intact) ||
        !std::all_of(data + buffer->bytes, pages + buffer->page_bytes, intact)) {
      return name;
    }
  }
  return "";
}

std::string Arena::GuardAt(std::uint64_t address) const {
  const std::uint64_t offset = address - TUNEFARM_ARENA_ADDRESS;  // Wraps for what lies before.
  if (address == 0 || offset >= bytes_) return "";
  std::vector<std::pair<std::string, const arena_buffer*>> buffers = Buffers(laid_out_);
  // The pages before one are those behind the other; who runs off an end is likelier.
  for (const auto& [name, buffer] : buffers) {
    const std::uint64_t end = buffer->pages + buffer->page_bytes;
    if (offset >= end && offset < end + kArenaPage) return absl::StrCat("crossed the end of ", name);
    if (offset >= buffer->pages && offset < end)
      return absl::StrCat("wrote to ", name, ", which is read-only");
  }
  if (offset >= laid_out_.stack.pages - kStackGuard && offset < laid_out_.stack.pages)
    return "the stack overflowed";
  for (const auto& [name, buffer] : buffers) {
    if (offset < buffer->pages && offset >= buffer->pages - kArenaPage) {
      return absl::StrCat("crossed the start of ", name);
    }
  }
  return "";
}

}  // namespace tunefarm
