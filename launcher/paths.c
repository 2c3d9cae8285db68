/* Paths inside the box's root. Each is resolved by openat2(2) with RESOLVE_IN_ROOT, so that no
 * symbolic link, "..", or racing rename of a hostile root leads outside; magic links are refused. */
#include <linux/openat2.h>

#include "box.h"

static int open_beneath(const struct box *box, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .mode = flags & O_CREAT ? 0644 : 0,
                           .resolve = resolve | RESOLVE_NO_MAGICLINKS};

    while (*path == '/')
        path++;
    /* EAGAIN: a rename raced with a ".." in the path; the kernel asks to try again. */
    for (int attempt = 0; attempt < 64; attempt++) {
        int fd = (int)syscall(SYS_openat2, box->root, *path ? path : ".", &how, sizeof how);

        if (fd >= 0 || errno != EAGAIN)
            return fd;
    }
    return -1;
}

int root_open(const struct box *box, const char *path, int flags)
{
    return open_beneath(box, path, (uint64_t)flags, RESOLVE_IN_ROOT);
}

/* Open the directory that holds the last name of `path`, making directories that lack. */
int root_parent(const struct box *box, const char *path, const char **name)
{
    const char *last = strrchr(path, '/');
    char *prefix = strndup(path, last ? (size_t)(last - path) : 0);
    const char *missing;
    int fd, grand;

    *name = last ? last + 1 : path;
    if (prefix == NULL)
        return -1;
    fd = root_open(box, prefix, O_PATH | O_DIRECTORY);
    if (fd < 0 && errno == ENOENT && *prefix) {
        grand = root_parent(box, prefix, &missing);
        if (grand >= 0 && (mkdirat(grand, missing, 0755) == 0 || errno == EEXIST))
            fd = root_open(box, prefix, O_PATH | O_DIRECTORY);
        closing(grand, 0);
    }
    if (fd < 0)
        say("\"%s\" in the box", prefix);
    free(prefix);
    return fd;
}

/* Open a mount target as O_PATH, made as a directory or an empty file where it lacks; a `directory` of 2
 * may not be reached by a symbolic link. */
int root_target(const struct box *box, const char *path, int directory)
{
    const char *name;
    int parent, fd = open_beneath(box, path, O_PATH, RESOLVE_IN_ROOT | (directory == 2 ? RESOLVE_NO_SYMLINKS : 0));

    if (fd < 0 && errno == ENOENT && !directory)
        fd = open_beneath(box, path, O_RDONLY | O_CREAT | O_EXCL, RESOLVE_IN_ROOT);
    if (fd < 0 && errno == ENOENT && (parent = root_parent(box, path, &name)) >= 0) {
        if ((directory ? mkdirat(parent, name, 0755) : mknodat(parent, name, S_IFREG | 0644, 0)) == 0 ||
            errno == EEXIST)
            fd = root_open(box, path, O_PATH);
        close(parent);
    }
    if (fd < 0)
        say("\"%s\" in the box", path);
    return fd;
}
