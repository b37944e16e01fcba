// Only in thread-sanitizer builds, in every program: tells the sanitizer what Abseil's locks order.
//
// The distribution's libabsl_synchronization is not built for the sanitizer, which therefore sees neither its
// locks nor those that gRPC takes from it, and takes everything they protect for a data race. The functions
// here stand before the library's own (the program's symbols come first), call them, and annotate. Functions
// that neither we nor gRPC use are not here.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizer's own names.
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);

// What libraries do among themselves cannot be judged without their atomics.
const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
// gRPC orders the callbacks of one stream by atomics of its own; XGBoost's threads are OpenMP's.
const char* __tsan_default_suppressions() {
  return "race:grpc::internal::CallbackWithSuccessTag\nrace:libxgboost.so\n";
}
}
// NOLINTEND(bugprone-reserved-identifier)

namespace {

#define TUNEFARM_TEXT_INNER(text) #text
#define TUNEFARM_TEXT(text) TUNEFARM_TEXT_INNER(text)

// The library's function; `name` is what follows Abseil's inline namespace in the mangled name.
template <typename Function>
Function* Real(const char* name) {
  const std::string inline_namespace = TUNEFARM_TEXT(ABSL_OPTION_INLINE_NAMESPACE_NAME);
  const std::string member = name[0] == 'K' ? "_ZNK4absl" : "_ZN4absl";
  const std::string symbol = member + std::to_string(inline_namespace.size()) + inline_namespace +
                             (name[0] == 'K' ? name + 1 : name);
  void* const found = dlsym(RTLD_NEXT, symbol.c_str());
  if (found == nullptr) {
    std::fprintf(stderr, "tsan_absl: Abseil has no %s\n", symbol.c_str());
    std::abort();
  }
  return reinterpret_cast<Function*>(found);
}

// While a lock is released or waited for, its holder evaluates the conditions of other threads. That is in
// order, but after what __tsan_release has said.
class IgnoreReads {
 public:
  IgnoreReads() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~IgnoreReads() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static auto* const real = Real<void(Mutex*)>("5Mutex4LockEv");
  real(this);
  __tsan_acquire(this);
}
void Mutex::Unlock() {
  static auto* const real = Real<void(Mutex*)>("5Mutex6UnlockEv");
  __tsan_release(this);
  const IgnoreReads ignore;
  real(this);
}
bool Mutex::TryLock() {
  static auto* const real = Real<bool(Mutex*)>("5Mutex7TryLockEv");
  const bool locked = real(this);
  if (locked) __tsan_acquire(this);
  return locked;
}
void Mutex::ReaderLock() {
  static auto* const real = Real<void(Mutex*)>("5Mutex10ReaderLockEv");
  real(this);
  __tsan_acquire(this);
}
void Mutex::ReaderUnlock() {
  static auto* const real = Real<void(Mutex*)>("5Mutex12ReaderUnlockEv");
  __tsan_release(this);
  const IgnoreReads ignore;
  real(this);
}
void Mutex::Await(const Condition& condition) {
  static auto* const real = Real<void(Mutex*, const Condition&)>("5Mutex5AwaitERKNS0_9ConditionE");
  __tsan_release(this);
  {
    const IgnoreReads ignore;
    real(this, condition);
  }
  __tsan_acquire(this);
}
bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Duration)>(
      "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  __tsan_release(this);
  bool met = false;
  {
    const IgnoreReads ignore;
    met = real(this, condition, timeout);
  }
  __tsan_acquire(this);
  return met;
}

void CondVar::Wait(Mutex* mutex) {
  static auto* const real = Real<void(CondVar*, Mutex*)>("7CondVar4WaitEPNS0_5MutexE");
  __tsan_release(mutex);
  {
    const IgnoreReads ignore;
    real(this, mutex);
  }
  __tsan_acquire(mutex);
}
bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static auto* const real =
      Real<bool(CondVar*, Mutex*, Duration)>("7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  __tsan_release(mutex);
  bool timed_out = false;
  {
    const IgnoreReads ignore;
    timed_out = real(this, mutex, timeout);
  }
  __tsan_acquire(mutex);
  return timed_out;
}

void Notification::Notify() {
  static auto* const real = Real<void(Notification*)>("12Notification6NotifyEv");
  __tsan_release(this);
  real(this);
}
void Notification::WaitForNotification() const {
  static auto* const real = Real<void(const Notification*)>("K12Notification19WaitForNotificationEv");
  real(this);
  __tsan_acquire(const_cast<Notification*>(this));
}

ABSL_NAMESPACE_END
}  // namespace absl
