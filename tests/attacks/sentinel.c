/* Not an attack: a program that tells what it sees, to compare what the next run sees after an attack. */
#include "attack.h"

#include <dirent.h>

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static void list(const char *path)
{
	struct dirent **names;
	int count = scandir(path, &names, NULL, by_name);

	printf("%s:", path);
	for (int i = 0; i < count; i++)
		if (names[i]->d_name[0] != '.' || strlen(names[i]->d_name) > 2)
			printf(" %s", names[i]->d_name);
	printf("\n");
}

static void copy(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	printf("%s:\n", path);
	while (file && fgets(line, sizeof line, file))
		fputs(line, stdout);
	if (file)
		fclose(file);
}

int main(void)
{
	sigset_t blocked;
	struct rlimit limit;

	list(".");
	list("/");
	list("/tmp");
	list("/var/tmp");
	list("/dev");
	list("/dev/shm");
	list("/etc");
	copy("/proc/sysvipc/shm");
	copy("/proc/sysvipc/msg");
	copy("/proc/sysvipc/sem");
	copy("/proc/self/limits");
	copy("/proc/self/cgroup");
	copy("/proc/net/unix");
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < 65; number++)
		if (sigismember(&blocked, number) == 1 || signal(number, SIG_DFL) == SIG_IGN)
			printf("signal %d\n", number);
	for (int kind = 0; kind < RLIM_NLIMITS; kind++)
		if (getrlimit(kind, &limit) == 0)
			printf("limit %d: %lu %lu\n", kind, limit.rlim_cur, limit.rlim_max);
	printf("process %d of %d, user %d, umask %o\n", getpid(), getppid(), getuid(), umask(0));
	int count = 0;
	for (pid_t pid = 1; pid < 400; pid++)
		count += kill(pid, 0) == 0 || errno == EPERM;
	printf("%d processes\n", count);
	return 0;
}
