/* The steps that build the box's tree of mounts.
 *
 * A target is opened once, inside the box's root, and mounted upon by its descriptor, so that no path
 * is looked up twice. The staging tmpfs is stacked on "/" without changing the caller's root: host
 * paths stay reachable until PIVOT, and what is private to the box (upper directories, empty masks,
 * small files) goes with its mount namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "box.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define DETACH 2 /* umount2(2): MNT_DETACH; sys/mount.h clashes with linux/mount.h */
#define DATA_MAX 4096
#define FD_PATH_MAX 32

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);

/* A short name for what a descriptor refers to, good until PIVOT hides the host's /proc. */
static const char *fd_path(char *path, int fd)
{
    snprintf(path, FD_PATH_MAX, "/proc/self/fd/%d", fd);
    return path;
}

/* Open the place of a mount; "/" without a root yet is the place of the root itself. */
static int open_target(const struct box *box, const char *target)
{
    if (box->root < 0)
        return openat(box->staging, "root", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return root_target(box, target, 1);
}

/* Mount a file system. */
static int mount_at(struct box *box, const char *source, const char *target, const char *type,
                    unsigned long flags, const char *data)
{
    char path[FD_PATH_MAX];
    int fd = open_target(box, target);
    int result = fd < 0 ? -1 : mount(source, fd_path(path, fd), type, flags, data);

    if (fd >= 0)
        close(fd);
    if (result == 0 && box->root < 0)
        box->root = open_target(box, target);
    return result;
}

static int attach(int mount, int target)
{
    return (int)syscall(SYS_move_mount, mount, "", target, "",
                        MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* Clone the mount that `fd` (O_PATH) stands in, or with `recursive` the tree from there. */
static int clone_tree(int fd, int recursive)
{
    return (int)syscall(SYS_open_tree, fd, "",
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0));
}

static int set_attributes(int fd, uint64_t set, uint64_t clear, uint64_t propagation, int recursive)
{
    struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};

    return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
                        sizeof attr);
}

int step_staging(struct box *box, const struct step *step)
{
    int here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);

    if (here < 0 || fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", "wardian", 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", step->a[0].s, 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    box->staging = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    close(fs);
    if (box->staging < 0 || attach(box->staging, here) < 0 || mkdirat(box->staging, "root", 0755) < 0)
        return -1;
    close(here);
    return mkdirat(box->staging, "empty", 0555);
}

/* Open an upper or work directory: absolute ones are there, others are made in staging. A made upper
 * directory takes mode and owner of the lowest layer, since it shows as the root of the overlay. */
static int open_upper(const struct box *box, const char *path, int like)
{
    struct stat st;
    int fd;

    if (*path == '/') {
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    } else {
        if (fstat(like, &st) < 0 || mkdirat(box->staging, path, 0755) < 0)
            return -1;
        fd = openat(box->staging, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        /* An owner that is not mapped here can't be given; the first id then owns the root. */
        if (fd >= 0 && (fchmod(fd, st.st_mode & 07777) < 0 ||
                        (fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EINVAL && errno != EPERM)))
            return -1;
    }
    if (fd < 0)
        say("\"%s\"", path);
    return fd;
}

/* Write "lowerdir=...,upperdir=...,workdir=...": by descriptor, which is short and needs no escapes. */
static int overlay_data(struct box *box, const struct step *step, char *data)
{
    struct list lower = step->a[1].l;
    const char *path = lower.first;
    int first = -1, upper, work;
    size_t used = 0;

    for (uint32_t i = 0; i < lower.count; i++, path = list_next(path)) {
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0) {
            say("\"%s\"", path);
            return -1;
        }
        first = i == 0 ? fd : first;
        used += (size_t)snprintf(data + used, DATA_MAX - used, "%s/proc/self/fd/%d", i ? ":" : "lowerdir=", fd);
        if (used > DATA_MAX / 2) {
            errno = E2BIG;
            return -1;
        }
    }
    upper = open_upper(box, step->a[2].s, first);
    work = upper < 0 ? -1 : open_upper(box, step->a[3].s, first);
    snprintf(data + used, DATA_MAX - used, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d%s%s", upper, work,
             *step->a[4].s ? "," : "", step->a[4].s);
    return work < 0 ? -1 : 0;
}

int step_overlay(struct box *box, const struct step *step)
{
    char data[DATA_MAX];

    if (overlay_data(box, step, data) < 0)
        return -1;
    return mount_at(box, "overlay", step->a[0].s, "overlay", (unsigned long)step->a[5].u, data);
}

int step_mount(struct box *box, const struct step *step)
{
    return mount_at(box, step->a[0].s, step->a[1].s, step->a[2].s, (unsigned long)step->a[4].u, step->a[3].s);
}

int step_bind(struct box *box, const struct step *step)
{
    const char *source = step->a[0].s;
    int recursive = (int)step->a[2].u, target = -1, result = -1;
    int clone = (int)syscall(SYS_open_tree, AT_FDCWD, source,
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
    struct stat st;

    if (clone < 0 || fstat(clone, &st) < 0 ||
        set_attributes(clone, step->a[3].u, 0, step->a[4].u, recursive) < 0)
        say("\"%s\"", source);
    else
        target = root_target(box, step->a[1].s, S_ISDIR(st.st_mode));
    if (target >= 0) {
        result = attach(clone, target);
        close(target);
    }
    if (clone >= 0)
        close(clone);
    return result;
}

/* A masked or read-only path is the kernel's own (/proc, /sys): a symbolic link there is an attack. */
static int open_kernel_path(const struct box *box, const char *path)
{
    int fd = root_open(box, path, O_PATH | O_NOFOLLOW);
    struct stat st;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? -2 : -1;
    if (fstat(fd, &st) == 0 && !S_ISLNK(st.st_mode))
        return fd;
    say("\"%s\" is a symbolic link", path);
    close(fd);
    errno = ELOOP;
    return -1;
}

static int cover(int target, int source, uint64_t attributes)
{
    int clone = clone_tree(source, 0);
    int result = -1;

    if (clone >= 0 && set_attributes(clone, attributes, 0, MS_PRIVATE, 0) == 0)
        result = attach(clone, target);
    if (clone >= 0)
        close(clone);
    return result;
}

int step_mask(struct box *box, const struct step *step)
{
    int target = open_kernel_path(box, step->a[0].s);
    int empty, result;
    struct stat st;

    if (target < 0)
        return target == -2 ? 0 : -1;
    if (fstat(target, &st) < 0)
        return -1;
    if (S_ISDIR(st.st_mode)) {
        empty = openat(box->staging, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        result = cover(target, empty,
                       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        close(empty);
    } else {
        result = cover(target, box->null, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    }
    close(target);
    return result;
}

int step_readonly(struct box *box, const struct step *step)
{
    int target = open_kernel_path(box, step->a[0].s);
    int clone, result = -1;

    if (target < 0)
        return target == -2 ? 0 : -1;
    clone = clone_tree(target, 1);
    if (clone >= 0 && set_attributes(clone, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, 1) == 0)
        result = attach(clone, target);
    if (clone >= 0)
        close(clone);
    close(target);
    return result;
}

int step_setattr(struct box *box, const struct step *step)
{
    int fd = root_open(box, step->a[0].s, O_PATH);
    int result;

    if (fd < 0)
        return -1;
    result = set_attributes(fd, step->a[1].u, step->a[2].u, step->a[3].u, (int)step->a[4].u);
    close(fd);
    return result;
}

/* A small file of ours over one of the root's; where the root has no such file there is nothing to do. */
int step_file(struct box *box, const struct step *step)
{
    char name[24];
    int target = root_open(box, step->a[0].s, O_PATH);
    int fd, result;

    if (target < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    snprintf(name, sizeof name, "file%u", box->files++);
    fd = openat(box->staging, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, (mode_t)step->a[1].u) < 0 ||
        write(fd, step->a[2].b.data, step->a[2].b.size) != (ssize_t)step->a[2].b.size)
        return -1;
    result = cover(target, fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    close(fd);
    close(target);
    return result;
}

/* Make the box's root ours, and let go of the host's: pivot_root(2), "pivot_root(".", ".")". */
int step_pivot(struct box *box, const struct step *step)
{
    if (fchdir(box->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return -1;
    /* On "." are now stacked the host's root and, over that, staging. */
    if (umount2(".", DETACH) < 0 || umount2(".", DETACH) < 0)
        return -1;
    return chdir("/");
}

static int open_terminal(int *slave, unsigned rows, unsigned columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    int unlock = 0;
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);

    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
        return -1;
    *slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0 || ((rows || columns) && ioctl(master, TIOCSWINSZ, &size) < 0))
        return -1;
    return master;
}

/* A pseudo-terminal of the box's own devpts; its master goes to the client. */
int step_console(struct box *box, const struct step *step)
{
    struct message message = {.kind = MESSAGE_CONSOLE};
    int console, slave, result;
    int master = open_terminal(&slave, (unsigned)step->a[0].u, (unsigned)step->a[1].u);

    if (master < 0)
        return -1;
    if (fchown(slave, (uid_t)step->a[2].u, (gid_t)-1) < 0)
        return -1;
    console = root_open(box, "/dev/console", O_PATH | O_NOFOLLOW);
    if (console >= 0) {
        result = cover(console, slave, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        close(console);
        if (result < 0)
            return -1;
    }
    box->terminal = slave;
    result = send_message(box->channel, &message, master);
    close(master);
    return result;
}
