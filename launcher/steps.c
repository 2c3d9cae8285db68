/* One function for each step that is not about mounts, and the table of all. */
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>

#include "box.h"

/* The upper half of an argument of CALL says when it is an address in its data, or a descriptor of the plan's. */
#define IN_DATA 0xfffffffeu
#define OWN 0xfffffffdu

/* The rendezvous: the client does what must be done from outside, then sends one byte. */
int step_wait(struct box *box, const struct step *step)
{
    const struct message message = {.kind = MESSAGE_WAITING};
    char go;
    ssize_t got;

    send_message(box->channel, &message, -1);
    do
        got = read(box->channel, &go, 1); /* not recv: a filter may be loaded, and every program may read */
    while (got < 0 && errno == EINTR);
    if (got == 1)
        return 0;
    _exit(125); /* the client is gone or gave up; nobody is there to be told */
}

/* Everything is made: who asked for it hears so by the end of the report. Then wait for whoever starts
 * the program; from here on it hears what happens. */
int step_await(struct box *box, const struct step *step)
{
    int fd, socket = dup2(own_descriptor(box, step->a[0].u), (int)box->stdio_count);

    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* others may come before it is started: nothing of the host's is left */
    if (socket < 0 || syscall(SYS_close_range, socket + 1, ~0u, 0u) < 0 || fcntl(socket, F_SETFD, FD_CLOEXEC) < 0)
        _exit(125);
    do
        fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    box->channel = box->report = fd;
    return fd < 0 ? -1 : 0;
}

int own_descriptor(const struct box *box, uint64_t place)
{
    return place < box->own_count ? box->own[place] : -1;
}

/* A call of the kernel that needs to know nothing of the box. */
int step_call(struct box *box, const struct step *step)
{
    long a[5];

    for (int i = 0; i < 5; i++) {
        uint64_t value = step->a[i + 1].u, low = value & 0xffffffffu;

        a[i] = (long)value;
        if (value >> 32 == IN_DATA && low <= step->a[6].b.size)
            a[i] = (long)(step->a[6].b.data + low);
        else if (value >> 32 == OWN)
            a[i] = own_descriptor(box, low);
    }
    return syscall((long)step->a[0].u, a[0], a[1], a[2], a[3], a[4], 0) < 0 ? -1 : 0;
}

int step_write(struct box *box, const struct step *step)
{
    int fd = open(step->a[0].s, O_WRONLY | O_CLOEXEC);
    ssize_t size = (ssize_t)step->a[1].b.size;

    say("\"%s\"", step->a[0].s);
    return fd < 0 ? -1 : closing(fd, write(fd, step->a[1].b.data, step->a[1].b.size) == size ? 0 : -1);
}

int step_loopback(struct box *box, const struct step *step)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? -1 : closing(fd, ioctl(fd, SIOCSIFFLAGS, &request));
}

int step_symlink(struct box *box, const struct step *step)
{
    const char *name;
    int parent = root_parent(box, step->a[1].s, &name);

    return parent < 0 || (closing(parent, symlinkat(step->a[0].s, parent, name)) < 0 && errno != EEXIST) ? -1 : 0;
}

int step_chdir(struct box *box, const struct step *step)
{
    char where[PATH_MAX];
    int made;

    if (step->a[1].u && access(step->a[0].s, F_OK) < 0 && (made = root_target(box, step->a[0].s, 1)) >= 0)
        close(made);
    say("\"%s\"", step->a[0].s);
    /* A working directory outside the root shows as "(unreachable)": CVE-2024-21626. */
    if (chdir(step->a[0].s) < 0 || syscall(SYS_getcwd, where, sizeof where) < 0)
        return -1;
    return where[0] == '/' ? 0 : failing(EXDEV);
}

int step_seccomp(struct box *box, const struct step *step)
{
    const struct message message = {.kind = MESSAGE_LISTENER};
    int listener;
    size_t size = step->a[1].b.size;
    struct sock_fprog program = {
        .len = (unsigned short)(size / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)step->a[1].b.data,
    };

    if (size % sizeof(struct sock_filter) != 0 || size / sizeof(struct sock_filter) > BPF_MAXINSNS)
        return failing(EINVAL);
    if (step->a[0].u & SECCOMP_FILTER_FLAG_NEW_LISTENER)
        die_with_launcher(box); /* later the filter may forbid it */
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (unsigned)step->a[0].u, &program);
    if (listener < 0 || !(step->a[0].u & SECCOMP_FILTER_FLAG_NEW_LISTENER))
        return listener;
    return closing(listener, send_message(box->channel, &message, listener));
}

/* Put the program's descriptors at 0, 1, 2, ...; all others are at STDIO_MAX or above and close at exec. */
int step_stdio(struct box *box, const struct step *step)
{
    for (unsigned i = 0; i < box->stdio_count; i++)
        if (dup2(i < 3 && box->terminal >= 0 ? box->terminal : box->stdio[i], (int)i) < 0)
            return -1;
    syscall(SYS_close_range, box->stdio_count, STDIO_MAX - 1, 0u);
    return (int)syscall(SYS_close_range, box->stdio_count, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* Execute a file, or `only_look` whether that could be done. */
static int execute(const char *path, char **arguments, char **environment, int only_look)
{
    struct stat st;

    if (!only_look)
        return execve(path, arguments, environment);
    if (stat(path, &st) < 0)
        return -1;
    return S_ISREG(st.st_mode) ? faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) : failing(EACCES);
}

/* Try each directory of PATH as execvp(3) does: a file that may not be executed is remembered. */
static int search(const char *name, char **arguments, char **environment, int only_look)
{
    const char *at = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    int number = ENOENT;
    char path[PATH_MAX];

    for (char **one = environment; *one != NULL; one++)
        if (strncmp(*one, "PATH=", 5) == 0) {
            at = *one;
            break;
        }
    at += 5;
    for (;;) {
        int length = (int)strcspn(at, ":");
        int size = snprintf(path, sizeof path, "%.*s/%s", length, at, name);

        if (length > 0 && size < (int)sizeof path) {
            if (execute(path, arguments, environment, only_look) == 0)
                return 0;
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
    return failing(number);
}

static int run_program(const struct step *step, int only_look)
{
    const char *path = step->a[0].s;
    char **arguments = list_vector(step->a[1].l);
    char **environment = list_vector(step->a[2].l);
    int result = -1;

    errno = EINVAL;
    if (arguments != NULL && environment != NULL && arguments[0] != NULL)
        result = (strchr(path, '/') ? execute : search)(path, arguments, environment, only_look);
    free(arguments);
    free(environment);
    return result;
}

int step_find(struct box *box, const struct step *step)
{
    return run_program(step, 1);
}

int step_exec(struct box *box, const struct step *step)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return run_program(step, 0);
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
