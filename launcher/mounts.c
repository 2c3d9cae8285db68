/* The steps that build the box's tree of mounts.
 *
 * A target is opened once, inside the box's root, and mounted upon by its descriptor, so that no path
 * is looked up twice. The staging tmpfs is stacked on "/" without changing the caller's root: host
 * paths stay reachable until PIVOT, and what is private to the box (upper directories, empty masks,
 * small files) goes with its mount namespace.
 */
#include <linux/mount.h>
#include <termios.h>

#include "box.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define DETACH 2 /* umount2(2): MNT_DETACH; sys/mount.h clashes with linux/mount.h */
#define DATA_MAX 4096
#define NOTHING (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);

/* Open the place of a mount: a name is a directory in staging, "/" without a root yet the root's own place. */
static int open_target(const struct box *box, const char *target, int directory)
{
    if (*target == '/' && box->root >= 0)
        return root_target(box, target, directory);
    target = *target == '/' ? "root" : target;
    mkdirat(box->staging, target, 0755);
    return openat(box->staging, target, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Mount a file system. The upper half of `flags` is ours: 1 when no symbolic link may lead to the place. */
static int mount_at(struct box *box, const char *source, const char *target, const char *type,
                    uint64_t flags, const char *data)
{
    char path[32];
    int result, fd = open_target(box, target, flags >> 32 ? 2 : 1);

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* good until PIVOT hides the host's /proc */
    result = fd < 0 ? -1 : closing(fd, mount(source, path, type, (uint32_t)flags, data));
    if (result == 0 && box->root < 0 && *target == '/')
        box->root = open_target(box, target, 1);
    return result;
}

static int attach(int mount, int target)
{
    return (int)syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
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
    if (box->staging < 0 || attach(box->staging, here) < 0)
        return -1;
    return closing(here, mkdirat(box->staging, "empty", 0555));
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
    const char *path = step->a[1].l.first;
    int first = -1, upper, work;
    size_t used = 0;

    for (uint32_t i = 0; i < step->a[1].l.count; i++, path = list_next(path)) {
        int fd = openat(box->staging, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        say("\"%s\"", path);
        if (fd < 0)
            return -1;
        first = i == 0 ? fd : first;
        used += (size_t)snprintf(data + used, DATA_MAX - used, "%s/proc/self/fd/%d", i ? ":" : "lowerdir=", fd);
        if (used > DATA_MAX - 256)
            return failing(E2BIG);
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

    return overlay_data(box, step, data) < 0 ? -1 : mount_at(box, "overlay", step->a[0].s, "overlay", step->a[5].u, data);
}

int step_mount(struct box *box, const struct step *step)
{
    return mount_at(box, step->a[0].s, step->a[1].s, step->a[2].s, step->a[4].u, step->a[3].s);
}

/* Put a detached mount in its place in the box. */
static int place(const struct box *box, int mount, const char *path)
{
    struct stat st;
    int target = mount < 0 || fstat(mount, &st) < 0 ? -1 : root_target(box, path, S_ISDIR(st.st_mode));

    return target < 0 ? -1 : closing(target, attach(mount, target));
}

/* The root is bound upon itself: its mounts then show where hooks look for them. */
static int bind_root(struct box *box, int mount, const char *source)
{
    int target = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (target < 0 || closing(target, attach(mount, target)) < 0)
        return -1;
    box->root = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return box->root < 0 ? -1 : 0;
}

/* `recursive`: 1 the mounts below too, 2 the attributes for them too. */
int step_bind(struct box *box, const struct step *step)
{
    const char *source = step->a[0].s;
    uint64_t recursive = step->a[2].u;
    int clone = (int)syscall(SYS_open_tree, AT_FDCWD, source,
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive & 1 ? AT_RECURSIVE : 0));

    if (clone < 0 || set_attributes(clone, 0, 0, step->a[5].u, (int)recursive & 1) < 0 ||
        set_attributes(clone, step->a[3].u, step->a[4].u, 0, (recursive & 2) != 0) < 0) {
        say("\"%s\"", source);
        return closing(clone, -1);
    }
    return closing(clone, box->root < 0 ? bind_root(box, clone, source) : place(box, clone, step->a[1].s));
}

/* A mount that the client prepared. */
int step_attach(struct box *box, const struct step *step)
{
    return place(box, own_descriptor(box, step->a[0].u), step->a[1].s);
}

/* A device; one that is there must be the same. */
int step_node(struct box *box, const struct step *step)
{
    dev_t device = makedev((unsigned)step->a[2].u, (unsigned)step->a[3].u);
    mode_t mode = (mode_t)step->a[1].u;
    const char *name;
    struct stat st;
    int parent = root_parent(box, step->a[0].s, &name);

    if (parent < 0)
        return -1;
    if (mknodat(parent, name, mode, device) < 0) {
        if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return closing(parent, -1);
        errno = EEXIST;
        if ((st.st_mode & S_IFMT) != (mode & S_IFMT) || (!S_ISFIFO(mode) && st.st_rdev != device))
            return closing(parent, -1);
    }
    return closing(parent, fchownat(parent, name, (uid_t)step->a[4].u, (gid_t)step->a[5].u, AT_SYMLINK_NOFOLLOW));
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
    return failing(ELOOP);
}

static int cover(int target, int source, uint64_t attributes, int recursive)
{
    int clone = clone_tree(source, recursive);

    return closing(clone, clone < 0 || set_attributes(clone, attributes, 0, MS_PRIVATE, recursive) < 0
                              ? -1
                              : attach(clone, target));
}

int step_mask(struct box *box, const struct step *step)
{
    int empty, target = open_kernel_path(box, step->a[0].s);
    struct stat st;

    if (target < 0)
        return target == -2 ? 0 : -1;
    if (fstat(target, &st) < 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        return closing(target, cover(target, box->null, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0));
    empty = openat(box->staging, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return closing(target, closing(empty, cover(target, empty, MOUNT_ATTR_RDONLY | NOTHING, 0)));
}

int step_readonly(struct box *box, const struct step *step)
{
    int target = open_kernel_path(box, step->a[0].s);

    if (target < 0)
        return target == -2 ? 0 : -1;
    return closing(target, cover(target, target, MOUNT_ATTR_RDONLY, 1));
}

int step_setattr(struct box *box, const struct step *step)
{
    int fd = root_open(box, step->a[0].s, O_PATH);

    return fd < 0 ? -1 : closing(fd, set_attributes(fd, step->a[1].u, step->a[2].u, step->a[3].u, (int)step->a[4].u));
}

/* A small file of ours over one of the root's; where the root has no such file there is nothing to do. */
int step_file(struct box *box, const struct step *step)
{
    char name[24];
    int fd, target = root_open(box, step->a[0].s, O_PATH);

    if (target < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    snprintf(name, sizeof name, "file%u", box->files++);
    fd = openat(box->staging, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, (mode_t)step->a[1].u) < 0 ||
        write(fd, step->a[3].b.data, step->a[3].b.size) != (ssize_t)step->a[3].b.size)
        return -1;
    return closing(target, closing(fd, cover(target, fd, step->a[2].u, 0)));
}

/* Make the box's root ours, and let go of the host's: pivot_root(2), "pivot_root(".", ".")". */
int step_pivot(struct box *box, const struct step *step)
{
    /* In the end the host's root and, over that, staging are stacked on ".". */
    return fchdir(box->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", DETACH) < 0 ||
           umount2(".", DETACH) < 0 ? -1 : chdir("/");
}

static int open_terminal(int *slave, unsigned rows, unsigned columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    int unlock = 0;
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (master < 0 || fstat(master, &st) < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
        return -1;
    if (st.st_rdev != makedev(5, 2)) /* what a root calls so may be anything */
        return failing(ENODEV);
    *slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0 || ((rows || columns) && ioctl(master, TIOCSWINSZ, &size) < 0))
        return -1;
    return master;
}

/* Show the terminal as /dev/console too. Made and opened without following a link (CVE-2025-52565). */
static int show_console(const struct box *box, int slave)
{
    const char *name;
    struct stat st;
    int parent = root_parent(box, "/dev/console", &name), console;

    if (parent < 0)
        return -1;
    mknodat(parent, name, S_IFREG | 0600, 0);
    console = closing(parent, openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    errno = ELOOP;
    if (console < 0 || fstat(console, &st) < 0 || S_ISLNK(st.st_mode))
        return closing(console, -1);
    return closing(console, cover(console, slave, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0));
}

/* A pseudo-terminal of the box's own devpts; its master goes to the client. */
int step_console(struct box *box, const struct step *step)
{
    struct message message = {.kind = MESSAGE_CONSOLE};
    int slave = -1, master = open_terminal(&slave, (unsigned)step->a[0].u, (unsigned)step->a[1].u);

    if (master < 0 || fchown(slave, (uid_t)step->a[2].u, (gid_t)-1) < 0 ||
        (box->root >= 0 && show_console(box, slave) < 0))
        return -1;
    box->terminal = slave;
    return closing(master, send_message(box->channel, &message, master));
}
