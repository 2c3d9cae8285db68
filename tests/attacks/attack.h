/* What the hostile programs in C share: includes, the canary, and what a refusal looks like. */
#ifndef ATTACK_H
#define ATTACK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Prints the line that must never be seen: the attack worked, or its program went on after a call that should have been
 * its last. One write, so that no buffer can hide it. */
static inline void canary(void)
{
	if (write(1, "CANARY\n", 7) < 0)
		_exit(99);
}

/* One line, by one write. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(line, sizeof line - 1, format, arguments);
	va_end(arguments);
	if (length > (int)sizeof line - 2)
		length = sizeof line - 2;
	line[length++] = '\n';
	if (write(1, line, (size_t)length) < 0)
		_exit(99);
}

/* For an attack that the kernel answers with an error: says which, and shows the canary where there was none. */
static inline int refused(long result)
{
	int number = errno;

	if (result < 0)
		say("refused: %s", strerrorname_np(number));
	else
		canary();
	return 0;
}

/* A program that can't get as far as its attack has shown nothing: exit code 98 is in no expectation. */
static inline void need(int there, const char *what)
{
	if (!there) {
		say("can't try: %s: %s", what, strerror(errno));
		_exit(98);
	}
}

/* Touches so much memory, a page at a time, so that the compiler can't drop it. */
static inline void fill(size_t bytes)
{
	volatile char *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(all != MAP_FAILED, "mmap");
	for (size_t i = 0; i < bytes; i += 4096)
		all[i] = (char)(i >> 12) | 1;
}

static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#endif
