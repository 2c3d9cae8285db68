/* The launcher: plays plans. It knows no policy.
 *
 *   launcher   serves one client over the socket at descriptor 3: for each request it clones the
 *              box's first process, and says when that has started and how it ended
 *   box        plays the plan, step by step, and becomes the program
 *   init       where the plan has INIT: stays as process 1, forwards signals, reaps orphans
 *
 * When the client dies, the launcher and all its boxes go. README.md has the protocol.
 */
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "box.h"

#define CLIENT 3
#define LAUNCHES_MAX 16384

enum { CHANNEL, REPORT, PLAN, FIXED_DESCRIPTORS }; /* of a request */

struct launch {
    pid_t pid;
    int channel;
    int lasting, inherited;
    int held[2];
};

static struct launch launches[LAUNCHES_MAX];
static size_t launch_count;
static int own_pidfd;
static int *answer; /* shared with the process between, in clone_joined */
static int home[3], home_root, can_return, spare_network = -1; /* home: see prepare */

/* ---- init ------------------------------------------------------------------------------- */

static struct message ended(uint32_t kind, int status, const struct rusage *usage)
{
    return (struct message){
        .kind = kind, .value = status,
        .user_usec = (uint64_t)usage->ru_utime.tv_sec * 1000000u + (uint64_t)usage->ru_utime.tv_usec,
        .system_usec = (uint64_t)usage->ru_stime.tv_sec * 1000000u + (uint64_t)usage->ru_stime.tv_usec,
        .max_rss_bytes = (uint64_t)usage->ru_maxrss * 1024,
    };
}

/* Under a filter all of init's calls bear the mark of its farewell: what a policy does not allow is then its
 * supervisor's to let pass, and never refused. */
static long marked(const struct box *box, long number, long first, long second, long third)
{
    return syscall(number, first, second, third, 0L, box->farewell);
}

/* The program ended: end all that it left, and tell its status when nothing runs any more. What the
 * kernel then does to take the namespaces down, nobody has to wait for. */
static void finish_init(const struct box *box, int status)
{
    struct message message;
    struct rusage usage;

    marked(box, SYS_kill, -1, SIGKILL, 0);
    while (marked(box, SYS_wait4, -1, 0, __WALL) > 0 || errno == EINTR)
        continue;
    marked(box, SYS_getrusage, RUSAGE_CHILDREN, (long)&usage, 0);
    message = ended(MESSAGE_STATUS, status, &usage);
    send_message(box->channel, &message, -1);
    if (box->farewell)
        marked(box, SYS_prctl, box->farewell, 1, 0); /* returns when the supervisor has heard all */
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Forward signals to the program until it ends. All signals are blocked, so none is lost or fatal. Under a
 * filter nobody sends it any. */
static void run_init(const struct box *box, pid_t program)
{
    int status, number, flags = box->farewell ? __WALL : __WALL | WNOHANG;
    sigset_t all;
    pid_t pid;

    sigfillset(&all);
    for (;;) {
        if (!box->farewell && (number = sigwaitinfo(&all, NULL)) > 0 && number != SIGCHLD)
            kill(program, number);
        while ((pid = (pid_t)marked(box, SYS_wait4, -1, (long)&status, flags)) > 0)
            if (pid == program)
                finish_init(box, status);
        if (box->farewell && errno != EINTR)
            _exit(125); /* nobody listens any more */
    }
}

/* A change of user takes the parent-death signal away (prctl(2)), so this is said again after one. */
void die_with_launcher(const struct box *box)
{
    struct pollfd dead = {.fd = box->launcher, .events = POLLIN};

    if (box->launcher < 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (poll(&dead, 1, 0) > 0)
        _exit(125); /* it died before the line above */
}

/* Keep only what init needs: the channel, and the right to signal the box's users. Under a filter it has given
 * up all else already. */
static void become_init(struct box *box, pid_t program)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct kill_only[2] = {{1u << CAP_KILL, 1u << CAP_KILL, 0}};

    if (!box->farewell) {
        die_with_launcher(box);
        syscall(SYS_capset, &header, kill_only);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (chdir("/") < 0)
            _exit(125);
    }
    marked(box, SYS_close_range, 0, box->channel - 1, 0);
    marked(box, SYS_close_range, box->channel + 1, ~0u, 0);
    run_init(box, program);
}

/* ---- box -------------------------------------------------------------------------------- */

static int open_null(void)
{
    struct stat st;
    int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
        return fd;
    return failing(ENODEV);
}

/* Play the steps that are left; exec does not return. */
static int play(void *argument)
{
    struct box *box = argument;
    struct step step;
    int more;

    while ((more = plan_next(&box->plan, &step)) > 0)
        if (play_step(box, &step) < 0) {
            report_failure(box, box->plan.index - 1, errno);
            _exit(125);
        }
    say("the plan can't be read");
    report_failure(box, box->plan.index, more < 0 ? errno : ENODATA);
    _exit(125);
}

/* The parent stays as init and never returns, the child goes on with the plan. As with vfork(2) it has
 * the parent's memory, and the parent sleeps, until exec: nothing is copied to be thrown away. */
int step_init(struct box *box, const struct step *step)
{
    static char stack[128 << 10] __attribute__((aligned(64)));
    pid_t pid;

    prctl(PR_SET_NAME, "wardian-init", 0, 0, 0); /* now: the program may look before we run again */
    if (!step->a[0].u)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    box->farewell = (long)step->a[0].u;
    pid = clone(play, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, box, NULL, box->farewell, box->farewell);
    if (pid > 0)
        become_init(box, pid);
    return -1;
}

static int read_plan(struct box *box, int fd, int sharing)
{
    struct stat st;
    void *bytes = fstat(fd, &st) < 0 ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, sharing, fd, 0);

    say("the plan can't be read");
    return bytes == MAP_FAILED ? -1 : plan_open(&box->plan, bytes, (size_t)st.st_size);
}

/* Go on with another plan, whose later steps may be written while the box waits in an earlier one. */
int step_continue(struct box *box, const struct step *step)
{
    return read_plan(box, own_descriptor(box, step->a[0].u), MAP_SHARED);
}

static void run_box(struct box *box, int plan_fd, int mounts)
{
    die_with_launcher(box);
    umask(0);
    box->null = mounts ? open_null() : -1;
    if (mounts && box->null < 0)
        say("\"/dev/null\"");
    else if (read_plan(box, plan_fd, MAP_PRIVATE) == 0)
        play(box);
    report_failure(box, 0, errno);
    _exit(125);
}

/* ---- launcher --------------------------------------------------------------------------- */

static void close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static int remember(pid_t pid, const struct request *request, int channel, const int *held)
{
    if (launch_count == LAUNCHES_MAX)
        return -1;
    launches[launch_count++] = (struct launch){
        .pid = pid,
        .channel = channel,
        .lasting = (request->flags & REQUEST_LASTING) != 0,
        .inherited = (request->flags & (REQUEST_LASTING | REQUEST_REAPED)) == REQUEST_LASTING,
        .held = {request->held > 0 ? held[0] : -1, request->held > 1 ? held[1] : -1},
    };
    return 0;
}

/* Make the next box's network namespace while nobody waits for it. Each is used once. In a user
 * namespace it would have the wrong owner; there clone3 makes it. */
static void prepare_network(void)
{
    if (!can_return || spare_network >= 0 || unshare(CLONE_NEWNET) < 0)
        return;
    step_loopback(NULL, NULL);
    spare_network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (setns(home[0], CLONE_NEWNET) < 0)
        _exit(125);
}

static int enter(const struct request *request, const int *fds)
{
    for (unsigned i = 0; i < request->joins; i++)
        if (setns(fds[FIXED_DESCRIPTORS + request->cgroup + i], 0) < 0)
            return -errno;
    return 0;
}

/* Come back from where `enter` led. A mount namespace brings its own root along. */
static int go_home(void)
{
    return setns(home[0], 0) < 0 || setns(home[1], 0) < 0 || setns(home[2], 0) < 0 || fchdir(home_root) < 0 ||
           chroot(".") < 0 ? -1 : 0;
}

static unsigned first_own(const struct request *request)
{
    return FIXED_DESCRIPTORS + request->cgroup + request->joins;
}

static void become_box(const struct request *request, const int *fds, unsigned count, int network)
{
    unsigned own = first_own(request), stdio = own + request->own + request->held;
    struct box box = {
        .channel = fds[CHANNEL],
        .report = fds[REPORT],
        .launcher = request->flags & REQUEST_LASTING ? -1 : own_pidfd,
        .root = -1,
        .staging = -1,
        .terminal = -1,
        .own = fds + own,
        .own_count = request->own,
        .stdio = fds + stdio,
        .stdio_count = count - stdio,
    };

    if (!(request->flags & REQUEST_HIDDEN)) /* else /proc/self is root's; nobody else is here yet */
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (network >= 0 && setns(network, CLONE_NEWNET) < 0)
        report_failure(&box, 0, errno);
    else
        run_box(&box, fds[PLAN], (request->clone_flags & CLONE_NEWNS) != 0);
    _exit(125);
}

/* Clone inside of namespaces that are there. A process in between enters them, since a pid namespace
 * holds only children and the launcher stays where it is; its child is the launcher's (CLONE_PARENT). It
 * is in the cgroup itself, and closes what leads out, before anybody inside can see its child.
 * Returns as clone does, or -errno. */
static pid_t clone_joined(const struct clone_args *arguments, const struct request *request, const int *fds)
{
    struct clone_args between = {.flags = arguments->flags & CLONE_INTO_CGROUP, .exit_signal = SIGCHLD,
                                 .cgroup = arguments->cgroup};
    pid_t pid = (pid_t)syscall(SYS_clone3, &between, sizeof between);

    if (pid < 0)
        return -errno;
    if (pid > 0) {
        waitpid(pid, NULL, 0);
        return (pid_t)*answer;
    }
    if ((*answer = enter(request, fds)) < 0)
        _exit(125);
    close_all(fds + FIXED_DESCRIPTORS, request->cgroup + request->joins);
    close_all((const int[]){CLIENT, home[0], home[1], home[2], home_root, spare_network}, 6);
    between = (struct clone_args){.flags = (arguments->flags & ~(uint64_t)(CLONE_INTO_CGROUP | CLONE_PIDFD)) | CLONE_PARENT};
    pid = (pid_t)syscall(SYS_clone3, &between, sizeof between);
    if (pid == 0)
        return 0;
    *answer = pid < 0 ? -errno : pid;
    _exit(0);
}

/* Clone the first process; returns its pid, or -errno where it can't be had. */
static int start(const struct request *request, const int *fds, unsigned count, int *pidfd)
{
    struct clone_args arguments = {
        .flags = request->clone_flags | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
    };
    int network = -1, near = can_return && request->flags & REQUEST_NEAR;
    pid_t pid;

    if ((request->clone_flags & (CLONE_NEWNET | CLONE_NEWUSER)) == CLONE_NEWNET && spare_network >= 0 &&
        request->joins == 0) {
        network = spare_network;
        spare_network = -1;
        arguments.flags &= ~(uint64_t)CLONE_NEWNET;
    }
    if (request->cgroup) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)fds[FIXED_DESCRIPTORS];
    }
    if (request->joins > 0 && !near) {
        if ((pid = clone_joined(&arguments, request, fds)) > 0)
            *pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    } else if ((pid = enter(request, fds)) == 0 &&
               (pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments)) < 0) {
        pid = -errno;
    }
    if (pid == 0)
        become_box(request, fds, count, network);
    if (near && go_home() < 0)
        _exit(125);
    return closing(network, pid);
}

static void launch(const struct request *request, int *fds, unsigned count)
{
    static unsigned served;
    unsigned held = first_own(request) + request->own;
    int pidfd = -1;
    pid_t pid = start(request, fds, count, &pidfd);
    struct message message = {.kind = pid < 0 ? MESSAGE_FAILED : MESSAGE_STARTED, .value = abs(pid)};

    send_message(fds[CHANNEL], &message, pidfd);
    if (pid > 0 && remember(pid, request, fds[CHANNEL], fds + held) < 0) {
        kill(pid, SIGKILL);
    } else if (pid > 0) {
        fds[CHANNEL] = -1;
        memset(fds + held, 0xff, request->held * sizeof *fds); /* -1 */
    }
    close_all(&pidfd, 1);
    close_all(fds, count);
    if (request->clone_flags & CLONE_NEWNET && ++served > 1) /* a command has one box, no next */
        prepare_network();
}

/* A request is taken whole or not at all: a client that sends rubbish sees its channel close. */
static int is_sound(const struct request *request, ssize_t size, unsigned count, int flags)
{
    return size == (ssize_t)sizeof *request && !(flags & (MSG_TRUNC | MSG_CTRUNC)) &&
           request->magic == REQUEST_MAGIC && request->version == REQUEST_VERSION && request->cgroup <= 1 &&
           request->joins <= 8 && request->own <= REQUEST_DESCRIPTORS_MAX && request->held <= 2 &&
           !(request->clone_flags & (CLONE_VM | CLONE_VFORK | CLONE_THREAD | CLONE_FILES | CLONE_PARENT)) &&
           count >= first_own(request) + request->own + request->held + 3 &&
           count - (first_own(request) + request->own + request->held) <= STDIO_MAX;
}

/* Its descriptors are at STDIO_MAX or above, out of the way of 0, 1, 2, ... */
static int serve_request(void)
{
    static union {
        char space[CMSG_SPACE(REQUEST_DESCRIPTORS_MAX * sizeof(int))];
        struct cmsghdr rights;
    } control;
    int fds[REQUEST_DESCRIPTORS_MAX];
    struct request request;
    struct iovec bytes = {&request, sizeof request};
    struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space,
                            .msg_controllen = sizeof control.space};
    ssize_t size = recvmsg(CLIENT, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    unsigned count = 0;

    if (size <= 0)
        return size < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    if (CMSG_FIRSTHDR(&header) != NULL && control.rights.cmsg_type == SCM_RIGHTS) {
        count = (unsigned)((control.rights.cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(&control.rights), count * sizeof(int));
    }
    if (is_sound(&request, size, count, header.msg_flags))
        launch(&request, fds, count);
    else
        close_all(fds, count);
    return 0;
}

static void forget(size_t index, int status, const struct rusage *usage)
{
    struct launch *one = &launches[index];
    struct message message = ended(MESSAGE_EXITED, status, usage);

    close_all(one->held, 2);
    send_message(one->channel, &message, -1);
    close(one->channel);
    *one = launches[--launch_count];
}

/* A box that lasts is only looked at: its status is for whoever inherits it, when the launcher ends. */
static void reap(int signals)
{
    struct signalfd_siginfo event;
    struct rusage usage;

    if (read(signals, &event, sizeof event) < 0)
        return;
    for (size_t i = launch_count; i-- > 0;) {
        siginfo_t info = {0};
        int flags = WEXITED | WNOHANG | (launches[i].inherited ? WNOWAIT : 0);

        if (syscall(SYS_waitid, P_PID, launches[i].pid, &info, flags, &usage) == 0 && info.si_pid != 0)
            forget(i, info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status, &usage);
    }
}

static int prepare(sigset_t *blocked, int own_keyring)
{
    const unsigned long defaults[4] = {0}; /* the kernel's struct sigaction; libc hides 32 and 33 */
    sigset_t child;

    sigfillset(blocked);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (int number = 1; number <= 64; number++) /* what the caller ignores is no business of the boxes */
        syscall(SYS_rt_sigaction, number, defaults, NULL, 8);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NAME, "wardian", 0, 0, 0);
    for (int fd = 0; fd >= 0 && fd < STDIO_MAX - 1;) /* what comes later is out of the way of 0, 1, 2, ... */
        fd = fcntl(0, F_DUPFD_CLOEXEC, CLIENT + 1);
    if (own_keyring)
        syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL); /* the caller's keys are not the boxes' */
    if (sigprocmask(SIG_SETMASK, blocked, NULL) < 0 || chdir("/") < 0)
        return -1;
    home_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3; i++)
        home[i] = open((const char *[]){"/proc/self/ns/net", "/proc/self/ns/uts", "/proc/self/ns/mnt"}[i], O_CLOEXEC);
    can_return = go_home() == 0; /* root of a user namespace may not come back to it */
    own_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    answer = mmap(NULL, sizeof *answer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return own_pidfd < 0 || answer == MAP_FAILED ? -1 : signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Start a box that waits in AWAIT, by its socket "start" in a directory whose lock says who may: 0 when
 * its program was executed. What it says instead is left there as "answer", for who can word it. */
static int start_waiting(const char *directory)
{
    const struct sockaddr_un address = {AF_UNIX, "start"};
    struct failure failure;
    int size, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (chdir(directory) < 0 || flock(open(".", O_RDONLY | O_CLOEXEC), LOCK_EX) < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return 1;
    size = (int)read(fd, &failure, sizeof failure);
    if (size == 0)
        return unlink(address.sun_path) < 0;
    fd = open("answer", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return size > 0 && write(fd, &failure, (size_t)size) == size ? 2 : 1;
}

/* With one argument the caller's session keyring is kept; with "start" and a directory nothing is launched. */
int main(int count, char **arguments)
{
    sigset_t blocked;

    if (count == 3)
        return start_waiting(arguments[2]);
    int signals = prepare(&blocked, count < 2);
    int client = (int)syscall(SYS_pidfd_open, getppid(), 0);
    struct pollfd events[3] = {
        {.fd = CLIENT, .events = POLLIN},
        {.fd = signals, .events = POLLIN},
        {.fd = client, .events = POLLIN},
    };

    if (signals < 0 || fcntl(CLIENT, F_SETFD, FD_CLOEXEC) < 0)
        return 125;
    prepare_network();
    for (;;) {
        if (poll(events, client < 0 ? 2 : 3, -1) < 0)
            continue;
        if (events[1].revents)
            reap(signals);
        if (events[2].revents || (events[0].revents && serve_request() < 0))
            break;
    }
    for (size_t i = 0; i < launch_count; i++)
        if (!launches[i].lasting)
            kill(launches[i].pid, SIGKILL);
    return 0;
}
