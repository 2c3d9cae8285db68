/* Decode a plan. The bytes may be hostile: every length is checked before it is used.
 *
 * Layout, little-endian, everything aligned to 8 bytes from the start:
 *   header   u32 magic, u32 version, u32 number of steps, u32 zero
 *   step     u16 code, u16 zero, u32 bytes of the whole step, then its arguments in signature order
 *     u      u64
 *     s, b   u32 length, u32 zero, the bytes, padding (a string's length counts its NUL)
 *     l      u32 number of strings, u32 bytes of all, the strings with their NULs, padding
 */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const signatures[STEP_COUNT] = {
#define STEP(name, signature, arguments) [code_##name] = signature,
#include "steps.def"
#undef STEP
};

static uint32_t read_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

int failing(int number)
{
    errno = number;
    return -1;
}

int plan_open(struct plan *plan, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    if (size < 16 || size > PLAN_BYTES_MAX || read_u32(at) != PLAN_MAGIC || read_u32(at + 8) > PLAN_STEPS_MAX)
        return failing(EBADMSG);
    if (read_u32(at + 4) != PLAN_VERSION)
        return failing(EPROTO);
    *plan = (struct plan){.next = at + 16, .end = at + size, .steps = read_u32(at + 8)};
    return 0;
}

/* Read the variable part of a string, blob or list: its bytes must be inside the step. */
static const uint8_t *take(const uint8_t **at, const uint8_t *end, size_t size)
{
    const uint8_t *start = *at;

    if (size > (size_t)(end - start) || padded(size) > (size_t)(end - start))
        return NULL;
    *at = start + padded(size);
    return start;
}

static int check_strings(struct list list, const uint8_t *data, size_t size)
{
    uint32_t found = 0;

    for (size_t i = 0; i < size; i++)
        found += data[i] == 0;
    if (found != list.count || (size > 0 && data[size - 1] != 0))
        return failing(EBADMSG);
    return 0;
}

static int read_argument(char kind, const uint8_t **at, const uint8_t *end, union argument *out)
{
    const uint8_t *data, *head = take(at, end, 8);
    uint32_t length;

    if (head == NULL)
        return failing(EBADMSG);
    if (kind == 'u') {
        memcpy(&out->u, head, 8);
        return 0;
    }
    length = read_u32(kind == 'l' ? head + 4 : head);
    data = take(at, end, length);
    if (data == NULL)
        return failing(EBADMSG);
    switch (kind) {
    case 's':
        out->s = (const char *)data;
        return length > 0 && memchr(data, 0, length) == data + length - 1 ? 0 : failing(EBADMSG);
    case 'b':
        out->b.data = data;
        out->b.size = length;
        return 0;
    default:
        out->l.first = (const char *)data;
        out->l.count = read_u32(head);
        return check_strings(out->l, data, length);
    }
}

/* The next step: 1, or 0 at the end, or -1 with errno EBADMSG. */
int plan_next(struct plan *plan, struct step *step)
{
    const uint8_t *end, *at = plan->next;
    uint32_t size;

    if (plan->index == plan->steps)
        return plan->next == plan->end ? 0 : failing(EBADMSG);
    if ((size_t)(plan->end - at) < 8)
        return failing(EBADMSG);
    memcpy(&step->code, at, sizeof step->code);
    size = read_u32(at + 4);
    if (step->code >= STEP_COUNT || size < 8 || size % 8 != 0 || size > (size_t)(plan->end - at))
        return failing(EBADMSG);
    end = at + size;
    at += 8;
    for (size_t i = 0; signatures[step->code][i] != 0; i++)
        if (read_argument(signatures[step->code][i], &at, end, &step->a[i]) < 0)
            return -1;
    if (at != end)
        return failing(EBADMSG);
    plan->next = end;
    plan->index++;
    return 1;
}

const char *list_next(const char *string)
{
    return string + strlen(string) + 1;
}

char **list_vector(struct list list)
{
    char **vector = calloc((size_t)list.count + 1, sizeof *vector);
    const char *string = list.first;

    if (vector == NULL)
        return NULL;
    for (uint32_t i = 0; i < list.count; i++, string = list_next(string))
        vector[i] = (char *)string; /* execve(2) takes char *, and does not write */
    return vector;
}
