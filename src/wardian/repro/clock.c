/* A wall clock that stands still, for the programs of a box: preloaded, and read from the environment:
 *
 *     WARDIAN_CLOCK=SECONDS         where the clock stands, since 1970
 *     WARDIAN_CLOCK_SINCE=NS        when it began to, by the real clock: what is written later has that time too
 *
 * So a file that a build makes has the time at which the clock stands, and an older one its own: what make compares
 * and what tar, zip and jar pack. Which of two new files is newer still shows: for each second that has really passed
 * there is a nanosecond more, as on a file system that counts whole seconds. configure wants that, and Python's tarfile
 * does not pack it: as a floating-point number less than 119 of them are none. The monotonic clocks go on, since
 * programs wait by them.
 *
 * It needs no C library, so that one file serves glibc and musl, whatever their version: everything it calls is a
 * system call or here. libfaketime 0.9.10 was tried first: with a clock that stands still, clock_nanosleep(2) with an
 * absolute time, which is Python's time.sleep, fails with EINVAL or does not wait.
 *
 * Facts: on 64-bit machines the kernel's struct stat is the C library's. Programs that were linked before glibc 2.33
 * call __xstat and its like.
 *
 * Kernel: clock_gettime(2), time(2), gettimeofday(2), stat(2), statx(2), vdso(7).
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <time.h>

#define SECOND_NS 1000000000L
#define FAKED (1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_TAI)

extern char **environ __attribute__((weak));

extern int *__errno_location(void) __attribute__((weak));

/* Returns the kernel's answer, -1 with errno where that is an error. */
static long call(long number, long first, long second, long third, long fourth, long fifth)
{
	long result;
#if defined(__x86_64__)
	register long r10 __asm__("r10") = fourth;
	register long r8 __asm__("r8") = fifth;
	__asm__ volatile("syscall" : "=a"(result)
		: "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = first;
	register long x1 __asm__("x1") = second;
	register long x2 __asm__("x2") = third;
	register long x3 __asm__("x3") = fourth;
	register long x4 __asm__("x4") = fifth;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8) : "memory");
	result = x0;
#else
#error "system calls of this processor are not known here"
#endif
	if (result >= 0)
		return result;
	if (__errno_location)
		*__errno_location() = (int)-result;
	return -1;
}

/* The number of a variable, or -1 where there is none. */
static long variable(const char *name)
{
	long value = -1;

	for (char **entry = environ; *entry; entry++) {
		unsigned at = 0;
		while (name[at] && (*entry)[at] == name[at])
			at++;
		if (name[at])
			continue;
		value = 0;
		for (const char *digit = *entry + at; *digit >= '0' && *digit <= '9'; digit++)
			value = value * 10 + (*digit - '0');
	}
	return value;
}

static long known_second = -2, known_since = -2;

/* The second at which the clock stands, or -1 where it goes on. */
static long fixed(void)
{
	if (known_second == -2) {
		if (!&environ || !environ)
			return -1; /* a library's constructor, before the C library's own */
		known_since = variable("WARDIAN_CLOCK_SINCE=");
		known_second = variable("WARDIAN_CLOCK=");
	}
	return known_second;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long second = (unsigned)clock < 32 && FAKED >> clock & 1 ? fixed() : -1;
	if (second < 0)
		return (int)call(SYS_clock_gettime, clock, (long)now, 0, 0, 0);
	now->tv_sec = second;
	now->tv_nsec = SECOND_NS / 2; /* no new file is in the future, of which make would warn */
	return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec found;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &found);
	now->tv_sec = found.tv_sec;
	now->tv_usec = found.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *at)
{
	struct timespec found;

	clock_gettime(CLOCK_REALTIME_COARSE, &found);
	if (at)
		*at = found.tv_sec;
	return found.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
	return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, now) ? base : 0;
}

int ftime(struct timeb *now)
{
	struct timespec found;

	clock_gettime(CLOCK_REALTIME, &found);
	*now = (struct timeb){ .time = found.tv_sec, .millitm = (unsigned short)(found.tv_nsec / 1000000) };
	return 0;
}

/* ---- times of files ---- */

/* How many seconds after the clock began to stand something was written, or -1 where that was before. */
static long later(long second, long nanosecond)
{
	long since;

	if (fixed() < 0 || known_since < 0 || second > INT32_MAX * 4L)
		return -1;
	since = second * SECOND_NS + nanosecond - known_since;
	return since < 0 ? -1 : since / SECOND_NS;
}

static void set(struct timespec *when)
{
	long since = later(when->tv_sec, when->tv_nsec);

	if (since >= 0)
		*when = (struct timespec){ .tv_sec = fixed(), .tv_nsec = since % SECOND_NS };
}

static void set_extended(struct statx_timestamp *when)
{
	long since = later(when->tv_sec, when->tv_nsec);

	if (since >= 0) {
		when->tv_nsec = (unsigned)(since % SECOND_NS);
		when->tv_sec = fixed();
	}
}

int fstatat(int directory, const char *restrict path, struct stat *restrict found, int flags)
{
	if (call(SYS_newfstatat, directory, (long)path, (long)found, flags, 0) < 0)
		return -1;
	set(&found->st_mtim);
	set(&found->st_ctim);
	set(&found->st_atim);
	return 0;
}

int stat(const char *restrict path, struct stat *restrict found)
{
	return fstatat(AT_FDCWD, path, found, 0);
}

int lstat(const char *restrict path, struct stat *restrict found)
{
	return fstatat(AT_FDCWD, path, found, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *found)
{
	return fstatat(fd, "", found, AT_EMPTY_PATH);
}

int statx(int directory, const char *restrict path, int flags, unsigned mask, struct statx *restrict found)
{
	if (call(SYS_statx, directory, (long)path, flags, mask, (long)found) < 0)
		return -1;
	set_extended(&found->stx_mtime);
	set_extended(&found->stx_ctime);
	set_extended(&found->stx_atime);
	set_extended(&found->stx_btime);
	return 0;
}

/* The same under the names for large files, and of older C libraries. */
#define SAME(name) __attribute__((alias(#name)))
int fstatat64(int, const char *restrict, struct stat64 *restrict, int) SAME(fstatat);
int stat64(const char *restrict, struct stat64 *restrict) SAME(stat);
int lstat64(const char *restrict, struct stat64 *restrict) SAME(lstat);
int fstat64(int, struct stat64 *) SAME(fstat);

int __xstat(int version, const char *path, struct stat *found)
{
	(void)version;
	return stat(path, found);
}

int __lxstat(int version, const char *path, struct stat *found)
{
	(void)version;
	return lstat(path, found);
}

int __fxstat(int version, int fd, struct stat *found)
{
	(void)version;
	return fstat(fd, found);
}

int __fxstatat(int version, int directory, const char *path, struct stat *found, int flags)
{
	(void)version;
	return fstatat(directory, path, found, flags);
}

int __xstat64(int, const char *, struct stat64 *) SAME(__xstat);
int __lxstat64(int, const char *, struct stat64 *) SAME(__lxstat);
int __fxstat64(int, int, struct stat64 *) SAME(__fxstat);
int __fxstatat64(int, int, const char *, struct stat64 *, int) SAME(__fxstatat);
