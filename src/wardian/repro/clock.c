/* A wall clock that stands still, for the programs of a box: preloaded, and read from $WARDIAN_CLOCK (seconds since
 * 1970). The other clocks go on, since programs wait by them; so do files' times, which make compares.
 *
 * It needs no C library, so that one file serves glibc and musl, whatever their version: everything it calls is a
 * system call or here. libfaketime 0.9.10 was tried first: with a clock that stands still, clock_nanosleep(2) with an
 * absolute time, which is Python's time.sleep, fails with EINVAL or does not wait.
 *
 * Kernel: clock_gettime(2), time(2), gettimeofday(2), vdso(7).
 */
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <time.h>

#define FAKED (1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_TAI)

extern char **environ __attribute__((weak));

static long call(long number, long first, long second)
{
#if defined(__x86_64__)
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second) : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = first;
	register long x1 __asm__("x1") = second;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x8) : "memory");
	return x0;
#else
#error "system calls of this processor are not known here"
#endif
}

/* The second at which the clock stands, or -1 where it goes on. */
static long fixed(void)
{
	static long known = -2;
	static const char name[] = "WARDIAN_CLOCK=";

	if (known != -2 || !&environ || !environ)
		return known == -2 ? -1 : known;
	long value = -1;
	for (char **entry = environ; *entry; entry++) {
		unsigned at = 0;
		while (at < sizeof name - 1 && (*entry)[at] == name[at])
			at++;
		if (at != sizeof name - 1)
			continue;
		value = 0;
		for (const char *digit = *entry + at; *digit >= '0' && *digit <= '9'; digit++)
			value = value * 10 + (*digit - '0');
	}
	known = value;
	return value;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long second = (unsigned)clock < 32 && FAKED >> clock & 1 ? fixed() : -1;
	if (second < 0) {
		long result = call(SYS_clock_gettime, clock, (long)now);
		return result < 0 ? -1 : 0; /* errno is the C library's, and the one error is a bug of the caller's */
	}
	now->tv_sec = second;
	now->tv_nsec = 0;
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
