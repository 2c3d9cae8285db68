/* What the processes of one box share: the descriptors of a launch and the words they send. */
#ifndef WARDIAN_BOX_H
#define WARDIAN_BOX_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "plan.h"

#define REQUEST_MAGIC 0x51525744u /* "DWRQ" */
#define REQUEST_VERSION 2u
#define REQUEST_DESCRIPTORS_MAX 250
#define STDIO_MAX 32

enum request_flags {
    REQUEST_LASTING = 1, /* outlives launcher and client */
    REQUEST_REAPED = 4,  /* though it lasts, the launcher reaps it if it ends before */
    REQUEST_HIDDEN = 2,  /* others are in its pid namespace already: they may not look into it */
    REQUEST_NEAR = 8,    /* it joins namespaces that can be left again: mount, UTS, network */
};

/* What the client sends for each launch, with its descriptors: channel, report, plan, the cgroup
 * directory where `cgroup` is 1, then `joins` namespaces, `own` ones that steps name by their place,
 * `held` ones, and the last ones are 0, 1, 2, ... of the program. */
struct request {
    uint32_t magic;
    uint32_t version;
    uint64_t clone_flags;
    uint32_t flags;
    uint32_t cgroup;
    uint32_t joins;
    uint32_t own;
    uint32_t held;
    uint32_t zero;
};

enum message_kind {
    MESSAGE_STARTED = 1, /* value: pid; carries the pidfd */
    MESSAGE_CONSOLE = 2, /* carries the master of the pseudo-terminal */
    MESSAGE_STATUS = 3,  /* value: the wait status of the program, with its usage, from init */
    MESSAGE_EXITED = 4,  /* value: the wait status of the first process, with its usage */
    MESSAGE_FAILED = 5,  /* value: errno of setns or clone3 */
    MESSAGE_LISTENER = 6, /* carries the seccomp listener */
    MESSAGE_WAITING = 7,  /* the box came to a wait step */
};

struct message {
    uint32_t kind;
    int32_t value;
    uint64_t user_usec;
    uint64_t system_usec;
    uint64_t max_rss_bytes;
};

struct box {
    int channel;
    int report;
    int launcher; /* pidfd of the launcher: readable once it is dead; -1 for a lasting box */
    int root;     /* the box's root directory, from the step that mounts it until PIVOT */
    int staging;  /* the private tmpfs that holds upper directories, empty masks and files */
    int null;     /* the host's /dev/null, a checked character device 1:3 */
    int terminal; /* the slave of the pseudo-terminal, or -1 */
    long farewell; /* what init says with prctl(2) to a supervisor when all have ended; 0 without one */
    unsigned files;
    const int *own, *stdio;
    unsigned own_count, stdio_count;
    struct plan plan;
};

/* What failed: `detail` holds the kernel's own words or the path in question. */
struct failure {
    uint32_t index;
    int32_t number;
    char detail[248];
};

/* steps.c, mounts.c: one function for each step: 0, or -1 with errno */
#define STEP(name, signature, arguments) int step_##name(struct box *box, const struct step *step);
#include "steps.def"
#undef STEP
int play_step(struct box *box, const struct step *step);
int own_descriptor(const struct box *box, uint64_t place);
void die_with_launcher(const struct box *box);

/* paths.c */
int root_open(const struct box *box, const char *path, int flags);
int root_parent(const struct box *box, const char *path, const char **name);
int root_target(const struct box *box, const char *path, int directory);

/* report.c */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_failure(const struct box *box, uint32_t index, int number);
int closing(int fd, int result);
int send_message(int channel, const struct message *message, int descriptor);

#endif
