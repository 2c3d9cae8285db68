/* One function for each step that is not about mounts, and the table of all. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "box.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif

/* The steps that are one call. */
#define CALL(name, expression)                                                                                    \
    int step_##name(struct box *box, const struct step *step)                                                     \
    {                                                                                                             \
        return (expression) < 0 ? -1 : 0;                                                                         \
    }
CALL(unshare, unshare((int)step->a[0].u))
/* the ids that a new user namespace maps to 0 */
CALL(become_root, (step->a[0].u && setgroups(0, NULL) < 0) || setresgid(0, 0, 0) < 0 ? -1 : setresuid(0, 0, 0))
CALL(hostname, sethostname(step->a[0].s, strlen(step->a[0].s)))
CALL(domainname, setdomainname(step->a[0].s, strlen(step->a[0].s)))
CALL(propagation, mount(NULL, step->a[0].s, NULL, (unsigned long)step->a[1].u, NULL))
CALL(init, box->start_init(box))
CALL(umask, (int)umask((mode_t)step->a[0].u))
CALL(no_new_privs, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
CALL(parent_death, prctl(PR_SET_PDEATHSIG, step->a[0].u, 0, 0, 0))

/* The rendezvous: the client does what must be done from outside, then sends one byte. */
int step_wait(struct box *box, const struct step *step)
{
    char go;
    ssize_t got;

    do
        got = recv(box->channel, &go, 1, 0);
    while (got < 0 && errno == EINTR);
    if (got == 1)
        return 0;
    _exit(125); /* the client is gone or gave up; nobody is there to be told */
}

int step_write(struct box *box, const struct step *step)
{
    int fd = open(step->a[0].s, O_WRONLY | O_CLOEXEC);
    ssize_t size = (ssize_t)step->a[1].b.size;
    int result;

    say("\"%s\"", step->a[0].s);
    if (fd < 0)
        return -1;
    result = write(fd, step->a[1].b.data, step->a[1].b.size) == size ? 0 : -1;
    close(fd);
    return result;
}

int step_loopback(struct box *box, const struct step *step)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int result;

    if (fd < 0)
        return -1;
    result = ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
    return result;
}

int step_symlink(struct box *box, const struct step *step)
{
    const char *name;
    int parent = root_parent(box, step->a[1].s, &name);
    int result;

    if (parent < 0)
        return -1;
    result = symlinkat(step->a[0].s, parent, name);
    close(parent);
    return result < 0 && errno != EEXIST ? -1 : 0;
}

int step_chdir(struct box *box, const struct step *step)
{
    char where[PATH_MAX];
    int made;

    if (step->a[1].u && access(step->a[0].s, F_OK) < 0 && (made = root_target(box, step->a[0].s, 1)) >= 0)
        close(made);
    say("\"%s\"", step->a[0].s);
    if (chdir(step->a[0].s) < 0)
        return -1;
    /* A working directory outside the root shows as "(unreachable)": CVE-2024-21626. */
    if (syscall(SYS_getcwd, where, sizeof where) < 0)
        return -1;
    if (where[0] != '/') {
        errno = EXDEV;
        return -1;
    }
    return 0;
}

int step_session(struct box *box, const struct step *step)
{
    if (setsid() < 0)
        return -1;
    return step->a[0].u ? ioctl(box->terminal, TIOCSCTTY, 0) : 0;
}

int step_rlimit(struct box *box, const struct step *step)
{
    struct rlimit limit = {step->a[1].u, step->a[2].u};

    return setrlimit((int)step->a[0].u, &limit);
}

int step_bounding(struct box *box, const struct step *step)
{
    for (unsigned cap = 0; cap < 64; cap++) {
        if (step->a[0].u >> cap & 1)
            continue;
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return errno == EINVAL ? 0 : -1; /* one past the kernel's last capability */
    }
    return 0;
}

/* Change the user; the permitted capabilities stay until CAPABILITIES sets them. */
int step_user(struct box *box, const struct step *step)
{
    size_t size = step->a[2].b.size;
    gid_t groups[NGROUPS_MAX > 1024 ? 1024 : NGROUPS_MAX];

    if (size % 4 != 0 || size > sizeof groups) {
        errno = EINVAL;
        return -1;
    }
    memcpy(groups, step->a[2].b.data, size);
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return -1;
    /* An ordinary user's namespace with a single id forbids setgroups(2): then there are none to set. */
    if (setgroups(size / 4, groups) < 0 && (size > 0 || errno != EPERM))
        return -1;
    if (setresgid((gid_t)step->a[1].u, (gid_t)step->a[1].u, (gid_t)step->a[1].u) < 0 ||
        setresuid((uid_t)step->a[0].u, (uid_t)step->a[0].u, (uid_t)step->a[0].u) < 0)
        return -1;
    return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };

    return (int)syscall(SYS_capset, &header, data);
}

int step_capabilities(struct box *box, const struct step *step)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        set_capabilities(step->a[0].u, step->a[1].u, step->a[2].u) < 0)
        return -1;
    for (unsigned cap = 0; cap < 64; cap++)
        if (step->a[3].u >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return -1;
    return 0;
}

int step_seccomp(struct box *box, const struct step *step)
{
    size_t size = step->a[1].b.size;
    struct sock_fprog program = {
        .len = (unsigned short)(size / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)step->a[1].b.data,
    };

    if (size % sizeof(struct sock_filter) != 0 || size / sizeof(struct sock_filter) > BPF_MAXINSNS) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)step->a[0].u, &program);
}

/* Put the program's descriptors at 0, 1, 2, ...; all others close at exec. */
int step_stdio(struct box *box, const struct step *step)
{
    /* Move them out of the way first, so that none overwrites another or the report. */
    box->report = fcntl(box->report, F_DUPFD_CLOEXEC, STDIO_MAX);
    for (unsigned i = 0; i < box->stdio_count; i++)
        box->stdio[i] = fcntl(i < 3 && box->terminal >= 0 ? box->terminal : box->stdio[i],
                              F_DUPFD_CLOEXEC, STDIO_MAX);
    for (unsigned i = 0; i < box->stdio_count; i++)
        if (dup2(box->stdio[i], (int)i) < 0)
            return -1;
    return (int)syscall(SYS_close_range, box->stdio_count, ~0u, CLOSE_RANGE_CLOEXEC);
}

static const char *search_path(char **environment)
{
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Try each directory of PATH as execvp(3) does: a file that may not be executed is remembered. */
static int search_and_execute(char **arguments, char **environment)
{
    const char *at = search_path(environment);
    int number = ENOENT;
    char path[PATH_MAX];

    for (;;) {
        int length = (int)strcspn(at, ":");
        int size = snprintf(path, sizeof path, "%.*s/%s", length, at, arguments[0]);

        if (length > 0 && size < (int)sizeof path) {
            execve(path, arguments, environment);
            if (errno != ENOENT && errno != ENOTDIR) {
                number = errno;
                if (errno != EACCES)
                    break;
            }
        }
        if (at[length] == 0)
            break;
        at += length + 1;
    }
    errno = number;
    return -1;
}

int step_exec(struct box *box, const struct step *step)
{
    char **arguments = list_vector(step->a[0].l);
    char **environment = list_vector(step->a[1].l);
    sigset_t none;

    if (arguments == NULL || environment == NULL)
        return -1;
    if (arguments[0] == NULL) {
        errno = EINVAL;
        return -1;
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (strchr(arguments[0], '/') != NULL)
        return execve(arguments[0], arguments, environment);
    return search_and_execute(arguments, environment);
}

static int (*const players[STEP_COUNT])(struct box *, const struct step *) = {
#define STEP(name, signature, arguments) [code_##name] = step_##name,
#include "steps.def"
#undef STEP
};

/* Play one step: 0, or -1 with errno. */
int play_step(struct box *box, const struct step *step)
{
    say("%s", "");
    return players[step->code](box, step);
}
