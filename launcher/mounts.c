/* The steps that build the box's tree of mounts.
 *
 * A mount is made detached (fsopen, fsmount or open_tree) and then moved onto a descriptor of its
 * target, so that no path is looked up twice. The staging tmpfs is stacked on "/" without changing
 * the caller's root: host paths stay reachable until PIVOT, and what is private to the box (upper
 * directories, empty masks, small files) goes with its mount namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "box.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define MS_MOUNT_DETACH 2          /* umount2(2) MNT_DETACH; sys/mount.h clashes with linux/mount.h */
#define OPTION_MAX 256             /* fsconfig(2) takes strings up to 255 bytes */
#define LOWER_MAX 500              /* overlayfs: OVL_MAX_STACK */

int umount2(const char *target, int flags);

/* Carry the kernel's own explanation ("e overlay: ...") into the report. */
static int fs_failed(int fs, const char *type, const char *what)
{
    char words[160];
    int number = errno;
    ssize_t size = read(fs, words, sizeof words - 1);

    if (size > 2) {
        words[size] = 0;
        words[strcspn(words, "\n")] = 0;
        say("%s: %s", type, words + 2);
    } else {
        say("%s: %s", type, what);
    }
    close(fs);
    errno = number;
    return -1;
}

static int fs_option(int fs, const char *option)
{
    char key[OPTION_MAX];
    const char *value = strchr(option, '=');

    if (value == NULL)
        return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0);
    if ((size_t)(value - option) >= sizeof key) {
        errno = EINVAL;
        return -1;
    }
    snprintf(key, sizeof key, "%.*s", (int)(value - option), option);
    return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value + 1, 0);
}

/* Make a detached mount of a file system. */
static int fs_mount(const char *type, const char *source, struct list options, unsigned attributes)
{
    const char *option = options.first;
    int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    int mount;

    if (fs < 0) {
        say("file system type \"%s\"", type);
        return -1;
    }
    if (*source && syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
        return fs_failed(fs, type, source);
    for (uint32_t i = 0; i < options.count; i++, option = list_next(option))
        if (fs_option(fs, option) < 0)
            return fs_failed(fs, type, option);
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return fs_failed(fs, type, "create");
    mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
    if (mount < 0)
        return fs_failed(fs, type, "fsmount");
    close(fs);
    return mount;
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

/* Put a detached mount at a place in the box; "/" makes it the root. Takes the descriptor over. */
static int place(struct box *box, int mount, const char *target, int directory)
{
    int at, result;

    if (strcmp(target, "/") == 0 && box->root < 0) {
        at = openat(box->staging, "root", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        result = attach(mount, at);
        box->root = mount;
    } else {
        at = root_target(box, target, directory);
        result = at < 0 ? -1 : attach(mount, at);
        if (at >= 0 && result < 0)
            say("moving the mount to \"%s\"", target);
        close(mount);
    }
    if (at >= 0)
        close(at);
    return result;
}

int step_staging(struct box *box, const struct step *step)
{
    int here = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    box->staging = fs_mount("tmpfs", "wardian", step->a[0].l, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (here < 0 || box->staging < 0 || attach(box->staging, here) < 0)
        return -1;
    close(here);
    if (mkdirat(box->staging, "root", 0755) < 0 || mkdirat(box->staging, "empty", 0555) < 0)
        return -1;
    return 0;
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

static int open_lowers(struct list lower, char *text, size_t size, int *first)
{
    const char *path = lower.first;
    size_t used = 0;

    for (uint32_t i = 0; i < lower.count; i++, path = list_next(path)) {
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0) {
            say("\"%s\"", path);
            return -1;
        }
        if (i == 0)
            *first = fd;
        /* A path by descriptor is short (fsconfig takes 255 bytes) and needs no escaping. */
        used += (size_t)snprintf(text + used, size - used, "%s/proc/self/fd/%d", i ? ":" : "", fd);
        if (used >= size) {
            errno = E2BIG;
            return -1;
        }
    }
    return 0;
}

static int overlay_create(int fs, const char *lower, int upper, int work, struct list options)
{
    char text[64];
    const char *option = options.first;

    if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", "overlay", 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "lowerdir", lower, 0) < 0)
        return -1;
    snprintf(text, sizeof text, "/proc/self/fd/%d", upper);
    if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "upperdir", text, 0) < 0)
        return -1;
    snprintf(text, sizeof text, "/proc/self/fd/%d", work);
    if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "workdir", text, 0) < 0)
        return -1;
    for (uint32_t i = 0; i < options.count; i++, option = list_next(option))
        if (fs_option(fs, option) < 0)
            return -1;
    return (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

int step_overlay(struct box *box, const struct step *step)
{
    char lower[OPTION_MAX];
    int first = -1, upper, work, fs, mount;

    if (open_lowers(step->a[1].l, lower, sizeof lower, &first) < 0)
        return -1;
    upper = open_upper(box, step->a[2].s, first);
    work = upper < 0 ? -1 : open_upper(box, step->a[3].s, first);
    if (work < 0)
        return -1;
    fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    if (overlay_create(fs, lower, upper, work, step->a[4].l) < 0)
        return fs_failed(fs, "overlay", step->a[2].s);
    mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)step->a[5].u);
    if (mount < 0)
        return fs_failed(fs, "overlay", "fsmount");
    close(fs);
    close(upper);
    close(work);
    return place(box, mount, step->a[0].s, 1);
}

int step_mount(struct box *box, const struct step *step)
{
    int mount = fs_mount(step->a[2].s, step->a[0].s, step->a[3].l, (unsigned)step->a[4].u);

    return mount < 0 ? -1 : place(box, mount, step->a[1].s, 1);
}

int step_bind(struct box *box, const struct step *step)
{
    const char *source = step->a[0].s;
    int recursive = (int)step->a[2].u;
    int clone = (int)syscall(SYS_open_tree, AT_FDCWD, source,
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
    struct stat st;

    if (clone < 0 || fstat(clone, &st) < 0) {
        say("\"%s\"", source);
        return -1;
    }
    if (set_attributes(clone, step->a[3].u, 0, step->a[4].u, recursive) < 0) {
        say("setting the attributes of \"%s\"", source);
        close(clone);
        return -1;
    }
    return place(box, clone, step->a[1].s, S_ISDIR(st.st_mode));
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
    if (umount2(".", MS_MOUNT_DETACH) < 0 || umount2(".", MS_MOUNT_DETACH) < 0)
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
