/* language: C, what programs use of its library
 * package: gcc
 * needs: cc
 * compile: cc -O1 -pthread -o program c_library.c -lm -lrt
 * run: ./program
 * limits: memory=256m processes=50
 * expect: hello, world|threads|processes|files|streams|time|memory|users|done
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

extern char **environ;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ready;

static void part(const char *name)
{
	puts(name);
	fflush(stdout);
}

static void *work(void *nothing)
{
	pthread_mutex_lock(&lock);
	ready++;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return nothing;
}

static void on_signal(int number)
{
	(void)number;
}

static int compare(const void *one, const void *other)
{
	return *(const int *)one - *(const int *)other;
}

int main(void)
{
	int status, ends[2], numbers[1000];
	char buffer[4096];
	struct stat found;

	setlocale(LC_ALL, "");
	part("hello, world");
	pthread_t threads[10];
	for (int i = 0; i < 10; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	pthread_mutex_lock(&lock);
	while (ready < 10)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	pthread_setname_np(threads[0], "worker");
	for (int i = 0; i < 10; i++)
		pthread_join(threads[i], NULL);
	sem_t semaphore;
	sem_init(&semaphore, 0, 1);
	sem_wait(&semaphore);
	part("threads");
	pid_t child = fork();
	if (child == 0)
		_exit(3);
	waitpid(child, &status, 0);
	if (vfork() == 0)
		execl("/bin/true", "true", NULL);
	wait(NULL);
	char *words[] = { "true", NULL };
	posix_spawnp(&child, "true", NULL, NULL, words, environ);
	waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED);
	if (system("exit 5") >> 8 != 5)
		return 1;
	FILE *pipe_ = popen("echo one; echo two", "r");
	while (fgets(buffer, sizeof buffer, pipe_))
		;
	pclose(pipe_);
	setpgid(0, 0);
	getsid(0);
	getpgrp();
	sched_yield();
	part("processes");
	int fd = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	if (pwrite(fd, "text", 4, 0) != 4 || writev(fd, &(struct iovec){ "more", 4 }, 1) != 4)
		return 1;
	ftruncate(fd, 100);
	fsync(fd);
	fdatasync(fd);
	flock(fd, LOCK_EX);
	lockf(fd, F_LOCK, 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	posix_fallocate(fd, 0, 8192);
	copy_file_range(fd, NULL, fd, &(off_t){ 200 }, 10, 0);
	fstat(fd, &found);
	fchmod(fd, 0600);
	futimens(fd, NULL);
	fchown(fd, getuid(), getgid());
	statx(AT_FDCWD, "file", 0, STATX_ALL, &(struct statx){ 0 });
	faccessat(AT_FDCWD, "file", R_OK, AT_EACCESS);
	mkdir("directory", 0755);
	rename("file", "directory/file");
	link("directory/file", "twin");
	symlink("twin", "soft");
	readlink("soft", buffer, sizeof buffer);
	mkfifo("fifo", 0600);
	glob("*", 0, NULL, &(glob_t){ 0 });
	statvfs(".", &(struct statvfs){ 0 });
	realpath("soft", buffer);
	getcwd(buffer, sizeof buffer);
	chdir("directory");
	unlink("file");
	chdir("..");
	rmdir("directory");
	char name[] = "temporaryXXXXXX";
	close(mkstemp(name));
	fclose(tmpfile());
	dup2(dup(fd), 100);
	close_range(100, ~0U, 0);
	part("files");
	pipe2(ends, O_NONBLOCK);
	poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, 1);
	select(ends[0] + 1, &(fd_set){ 0 }, NULL, NULL, &(struct timeval){ 0, 1000 });
	int events = epoll_create1(0);
	epoll_ctl(events, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){ EPOLLIN, { 0 } });
	epoll_wait(events, &(struct epoll_event){ 0 }, 1, 1);
	if (eventfd(0, 0) < 0 || timerfd_create(CLOCK_MONOTONIC, 0) < 0)
		return 1;
	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	send(ends[0], "x", 1, 0);
	recv(ends[1], buffer, 1, 0);
	shutdown(ends[0], SHUT_RDWR);
	isatty(0);
	tcgetattr(0, &(struct termios){ 0 });
	setvbuf(stdout, NULL, _IOLBF, 4096);
	part("streams");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &(struct timespec){ 0 });
	clock_getres(CLOCK_REALTIME, &(struct timespec){ 0 });
	gettimeofday(&(struct timeval){ 0 }, NULL);
	nanosleep(&(struct timespec){ 0, 1000 }, NULL);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, 1000 }, NULL);
	signal(SIGALRM, on_signal);
	sigaltstack(&(stack_t){ .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 }, NULL);
	alarm(1);
	alarm(0);
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 1000 } }, NULL);
	pause();
	timer_t timer;
	timer_create(CLOCK_MONOTONIC, &(struct sigevent){ .sigev_notify = SIGEV_NONE }, &timer);
	timer_delete(timer);
	tzset();
	localtime(&(time_t){ 0 });
	getrusage(RUSAGE_CHILDREN, &(struct rusage){ 0 });
	times(&(struct tms){ 0 });
	part("time");
	for (int i = 0; i < 1000; i++)
		numbers[i] = rand();
	qsort(numbers, 1000, sizeof *numbers, compare);
	char *block = malloc(50 << 20);
	memset(block, 1, 50 << 20);
	free(realloc(block, 10 << 20));
	block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(block, 4096, PROT_READ);
	madvise(block, 1 << 20, MADV_DONTNEED);
	block = mremap(block, 1 << 20, 2 << 20, MREMAP_MAYMOVE);
	mincore(block, 4096, (unsigned char *)buffer);
	munmap(block, 2 << 20);
	sbrk(4096);
	getrandom(buffer, 16, 0);
	getentropy(buffer, 16);
	int shared = shm_open("/shared", O_CREAT | O_RDWR, 0600);
	if (shared >= 0) {
		ftruncate(shared, 4096);
		shm_unlink("/shared");
	}
	sem_unlink("/semaphore");
	part("memory");
	getpwuid(getuid());
	getpwnam("root");
	getgrgid(getgid());
	getlogin();
	getgroups(0, NULL);
	gethostname(buffer, sizeof buffer);
	uname(&(struct utsname){ 0 });
	sysinfo(&(struct sysinfo){ 0 });
	sysconf(_SC_NPROCESSORS_ONLN);
	sched_getaffinity(0, sizeof(cpu_set_t), &(cpu_set_t){ 0 });
	getpriority(PRIO_PROCESS, 0);
	nice(1);
	getrlimit(RLIMIT_STACK, &(struct rlimit){ 0 });
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	openlog("program", 0, LOG_USER);
	syslog(LOG_INFO, "nobody listens");
	setlocale(LC_ALL, "C.UTF-8");
	umask(022);
	part("users");
	part("done");
	return fabs(cos(0) - 1) > 1e-9;
}
