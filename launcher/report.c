/* Say what failed, and send messages to the client. */
#include <stdarg.h>

#include "box.h"

static char detail[sizeof(((struct failure *)0)->detail)];

/* Keep the words for the next failure; errno stays as it is. */
void say(const char *format, ...)
{
    int number = errno;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    errno = number;
}

void report_failure(const struct box *box, uint32_t index, int number)
{
    struct failure failure = {.index = index, .number = number};

    memcpy(failure.detail, detail, sizeof failure.detail);
    if (write(box->report, &failure, sizeof failure) < 0)
        return; /* nobody listens any more */
}

/* Close what may be a descriptor, and give back the result with its errno. */
int closing(int fd, int result)
{
    int number = errno;

    if (fd >= 0)
        close(fd);
    errno = number;
    return result;
}

/* Send one message, with a descriptor unless it is -1. */
int send_message(int channel, const struct message *message, int descriptor)
{
    struct iovec bytes = {(void *)message, sizeof *message};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr rights;
    } control = {.rights = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.space,
                            .msg_controllen = descriptor < 0 ? 0 : sizeof control.space};

    memcpy(CMSG_DATA(&control.rights), &descriptor, sizeof descriptor);
    return sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}
