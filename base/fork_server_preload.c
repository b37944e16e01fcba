// Loaded into a program by LD_PRELOAD: stops it where it opens the file TUNEFARM_FORK_INPUT, and from then on
// forks a copy of it for each request on the socket TUNEFARM_FORK_FD. The copy goes on with the request's
// input in place of the file; the program itself never does. Other programs that inherit the environment (a
// compiler's driver) never open the file and notice nothing. What goes over the socket: fork_server.cc.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// More at a time wait in the socket.
enum { kMaxChildren = 256 };
enum { kControl, kSignals, kFirstChild };
enum { kInput, kOutput, kError, kStatus, kDescriptors };

struct child {
  pid_t pid;
  int status;  // Where its end is told; -1: nobody wants to know any more.
};

static struct child children[kMaxChildren];
static int child_count;
static bool serving;

static void reap(void) {
  for (int i = 0; i < child_count;) {
    int end = 0;
    if (waitpid(children[i].pid, &end, WNOHANG) != children[i].pid) {
      ++i;
      continue;
    }
    if (children[i].status >= 0) {
      // Nobody there to read it is fine.
      if (write(children[i].status, &end, sizeof end) < 0) errno = 0;
      close(children[i].status);
    }
    children[i] = children[--child_count];
  }
}

// 1: the descriptors of a request; 0: a broken one; -1: nobody will send any more.
static int receive(int control, int descriptors[kDescriptors], uint64_t* max_bytes) {
  char space[CMSG_SPACE(kDescriptors * sizeof(int))];
  struct iovec text = {max_bytes, sizeof *max_bytes};
  struct msghdr message = {
      .msg_iov = &text, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  ssize_t got;
  do {
    got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return -1;
  const struct cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(kDescriptors * sizeof(int)) || got != (ssize_t)sizeof *max_bytes) {
    return 0;
  }
  memcpy(descriptors, CMSG_DATA(header), kDescriptors * sizeof(int));
  return 1;
}

// In the copy. What it returns is its input.
static int go_on(pid_t server, int control, int signals, const int descriptors[kDescriptors],
                 uint64_t max_bytes, const sigset_t* mask) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != server) _exit(127);
  sigprocmask(SIG_SETMASK, mask, NULL);
  signal(SIGPIPE, SIG_DFL);
  const struct rlimit limit = {max_bytes, max_bytes};
  setrlimit(RLIMIT_FSIZE, &limit);
  if (dup2(descriptors[kOutput], 1) < 0 || dup2(descriptors[kError], 2) < 0) _exit(127);
  for (int i = 0; i < child_count; ++i) {
    if (children[i].status >= 0) close(children[i].status);
  }
  close(descriptors[kOutput]);
  close(descriptors[kError]);
  close(descriptors[kStatus]);
  close(control);
  close(signals);
  return descriptors[kInput];
}

// Returns in copies only.
static int serve(int control) {
  const pid_t self = getpid();
  sigset_t child_signal, mask;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_signal, &mask);
  signal(SIGCHLD, SIG_DFL);  // Were it ignored, there would be nothing to wait for.
  signal(SIGPIPE, SIG_IGN);
  const int signals = signalfd(-1, &child_signal, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0 || write(control, "r", 1) != 1) _exit(127);
  for (;;) {
    struct pollfd entries[kFirstChild + kMaxChildren];
    entries[kControl] = (struct pollfd){child_count < kMaxChildren ? control : -1, POLLIN, 0};
    entries[kSignals] = (struct pollfd){signals, POLLIN, 0};
    for (int i = 0; i < child_count; ++i) {
      entries[kFirstChild + i] = (struct pollfd){children[i].status, 0, 0};
    }
    if (poll(entries, (nfds_t)(kFirstChild + child_count), -1) < 0) continue;
    for (int i = 0; i < child_count; ++i) {
      // Who asked has lost patience, or is dead.
      if ((entries[kFirstChild + i].revents & (POLLERR | POLLHUP)) == 0) continue;
      kill(children[i].pid, SIGKILL);
      close(children[i].status);
      children[i].status = -1;
    }
    if (entries[kSignals].revents != 0) {
      struct signalfd_siginfo ignored;
      while (read(signals, &ignored, sizeof ignored) == (ssize_t)sizeof ignored) {
      }
      reap();
    }
    if (entries[kControl].revents == 0) continue;
    int descriptors[kDescriptors];
    uint64_t max_bytes = 0;
    const int got = receive(control, descriptors, &max_bytes);
    if (got < 0) _exit(0);
    if (got == 0) continue;
    const pid_t child = fork();
    if (child == 0) return go_on(self, control, signals, descriptors, max_bytes, &mask);
    for (int i = 0; i < kStatus; ++i) close(descriptors[i]);
    if (child > 0) {
      children[child_count++] = (struct child){child, descriptors[kStatus]};
    } else {
      close(descriptors[kStatus]);  // Without a word: try another way.
    }
  }
}

typedef int (*open_function)(const char*, int, ...);

static int open_or_serve(const char* symbol, const char* path, int flags, int mode) {
  const char* const input = getenv("TUNEFARM_FORK_INPUT");
  const char* const control = getenv("TUNEFARM_FORK_FD");
  if (!serving && input != NULL && control != NULL && strcmp(path, input) == 0) {
    serving = true;
    return serve(atoi(control));
  }
  open_function next;
  *(void**)&next = dlsym(RTLD_NEXT, symbol);
  if (next != NULL) return next(path, flags, mode);
  errno = ENOSYS;
  return -1;
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0;
  va_end(rest);
  return open_or_serve("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0;
  va_end(rest);
  return open_or_serve("open64", path, flags, mode);
}
