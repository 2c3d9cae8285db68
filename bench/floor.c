/* The floor under every container: the bare system calls and nothing else.
 *
 * clone3 into new namespaces, a private mount tree, a tmpfs with the writable layer, an overlay over
 * the root file system, pivot_root, exec of a static program that returns at once, wait. Nothing is
 * checked, dropped, filtered or limited. What a container engine takes on top of this is its own.
 *
 *     floor ROOT SCRATCH RUNS net|nonet
 *
 * ROOT has bin/true, SCRATCH is an empty directory; prints {"samples_ms": [...]}.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check(long result, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
        _exit(99);
    }
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void enter(const char *root, const char *scratch)
{
    char options[4096];
    char *arguments[] = {"true", NULL}, *environment[] = {NULL};

    check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "making mounts slaves");
    check(mount("tmpfs", scratch, "tmpfs", 0, NULL), "mounting the tmpfs");
    check(chdir(scratch), "entering the tmpfs");
    check(mkdir("upper", 0755), "mkdir");
    check(mkdir("work", 0755), "mkdir");
    check(mkdir("merged", 0755), "mkdir");
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=upper,workdir=work", root);
    check(mount("overlay", "merged", "overlay", 0, options), "mounting the overlay");
    check(chdir("merged"), "entering the overlay");
    check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    check(umount2(".", MNT_DETACH), "leaving the old root");
    check(chdir("/"), "entering the new root");
    execve("/bin/true", arguments, environment);
    check(-1, "exec of /bin/true");
}

int main(int count, char **words)
{
    if (count != 5) {
        fprintf(stderr, "usage: floor ROOT SCRATCH RUNS net|nonet\n");
        return 2;
    }
    int runs = atoi(words[3]);
    unsigned long long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (strcmp(words[4], "net") == 0)
        flags |= CLONE_NEWNET;
    printf("{\"samples_ms\": [");
    for (int i = 0; i < runs; i++) {
        struct clone_args arguments = {.flags = flags, .exit_signal = SIGCHLD};
        int status = 0;
        fflush(stdout);
        double start = now_ms();
        long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
        check(pid, "clone3");
        if (pid == 0)
            enter(words[1], words[2]);
        check(waitpid((pid_t)pid, &status, 0), "waitpid");
        double taken = now_ms() - start;
        if (status != 0) {
            fprintf(stderr, "floor: the child ended with status %x\n", (unsigned)status);
            return 1;
        }
        printf("%s%.4f", i ? ", " : "", taken);
    }
    printf("]}\n");
    return 0;
}
