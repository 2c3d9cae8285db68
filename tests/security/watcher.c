/*
 * watcher MARKER OWN: sit in a container, look at every process that comes in, and try to get out through it.
 *
 * A process that enters may still have something of the host: its executable, its working directory, its root, its
 * descriptors. Each is grabbed while the process lives. Said on stdout, one line each, when it happens:
 *   exe DEV INO NAME     an executable that is not OWN, the container's program (a memfd, a file of the host)
 *   writable NAME        such an executable could be opened for writing, at once or when nothing ran it any more
 *   escape WAY PID       MARKER, a file of the host, could be opened by going up from cwd, root or a descriptor
 * The word "up" comes first. It ends at the end of its standard input.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD 64

static const char *marker;
static int held[HELD];
static int holds;
static dev_t own_dev;
static ino_t own_ino;
static pid_t self;

static void say(const char *word, const char *way, int pid)
{
    printf("%s %s %d\n", word, way, pid);
    fflush(stdout);
}

/* Whether the host's file can be reached from a directory, straight or by going up. */
static void try_directory(int fd, const char *way, int pid)
{
    char path[4096];

    snprintf(path, sizeof(path), "./%s", marker);
    int found = openat(fd, path, O_RDONLY);
    if (found < 0) {
        snprintf(path, sizeof(path), "../../../../../../../../../../../../../../%s", marker);
        found = openat(fd, path, O_RDONLY);
    }
    if (found >= 0) {
        say("escape", way, pid);
        close(found);
    }
}

static void look_at_directory(int pid, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    int fd = open(path, O_PATH | O_DIRECTORY);
    if (fd >= 0) {
        try_directory(fd, name, pid);
        close(fd);
    }
}

static void look_at_descriptors(int pid)
{
    char path[512];

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "fd/%s", entry->d_name);
        look_at_directory(pid, path);
    }
    closedir(directory);
}

static void try_to_write(int fd)
{
    char path[64], name[512];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int writable = open(path, O_WRONLY);
    if (writable < 0)
        return;
    ssize_t length = readlink(path, name, sizeof(name) - 1);
    name[length < 0 ? 0 : length] = 0;
    /* a sealed memfd opens for writing, and then refuses the write */
    char byte = 0;
    if (pread(fd, &byte, 1, 0) == 1 && pwrite(writable, &byte, 1, 0) == 1)
        say("writable", name, fd);
    close(writable);
}

static void look_at_executable(int pid)
{
    char path[64], name[512];
    struct stat status;

    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return;
    if (fstat(fd, &status) != 0 || (status.st_dev == own_dev && status.st_ino == own_ino)) {
        close(fd);
        return;
    }
    for (int k = 0; k < holds; k++) {
        struct stat other;
        if (fstat(held[k], &other) == 0 && other.st_dev == status.st_dev && other.st_ino == status.st_ino) {
            close(fd);
            return;
        }
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, name, sizeof(name) - 1);
    name[length < 0 ? 0 : length] = 0;
    printf("exe %lu %lu %s\n", (unsigned long)status.st_dev, (unsigned long)status.st_ino, name);
    fflush(stdout);
    if (holds < HELD)
        held[holds++] = fd;
    else
        close(fd);
}

static void look_around(void)
{
    DIR *directory = opendir("/proc");
    if (!directory)
        exit(3);
    for (struct dirent *entry; (entry = readdir(directory));) {
        int pid = atoi(entry->d_name);
        if (pid <= 1 || pid == self)
            continue;
        look_at_executable(pid);
        look_at_directory(pid, "cwd");
        look_at_directory(pid, "root");
        look_at_descriptors(pid);
    }
    closedir(directory);
    for (int k = 0; k < holds; k++)
        try_to_write(held[k]);
}

int main(int argc, char **argv)
{
    struct stat status;
    struct pollfd input = {.fd = 0, .events = POLLIN};

    if (argc != 3 || stat(argv[2], &status) != 0)
        return 2;
    marker = argv[1];
    own_dev = status.st_dev;
    own_ino = status.st_ino;
    self = getpid();
    puts("up");
    fflush(stdout);
    while (poll(&input, 1, 0) == 0)
        look_around();
    for (int round = 0; round < 3; round++)
        look_around();
    puts("over");
    return 0;
}
