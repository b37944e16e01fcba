// What fork_server_test.cc forks: reads the file it is named and does what stands there, one letter a
// command. "p" prints its process id, "n" how many commands it has done, "e" to stderr, "x" ends with status
// 3, "k" kills itself, "h" hangs, "f" writes for ever.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int fd = open(argv[1], O_RDONLY);
  if (fd < 0) {
    perror(argv[1]);
    return 2;
  }
  char command;
  int done = 0;
  while (read(fd, &command, 1) == 1) {
    if (command == 'p') printf("%d", (int)getpid());
    if (command == 'n') printf("%d", done);
    if (command == 'e') fputs("words", stderr);
    if (command == 'x') return 3;
    if (command == 'k') raise(SIGKILL);
    fflush(stdout);
    while (command == 'h') pause();
    while (command == 'f') puts("and on");
    ++done;
  }
  return 0;
}
