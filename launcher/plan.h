/* A plan as the launcher reads it: a header and a row of steps, decoded in place. */
#ifndef WARDIAN_PLAN_H
#define WARDIAN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC 0x4e4c5057u /* "WPLN" */
#define PLAN_VERSION 1u
#define PLAN_STEPS_MAX 200000u
#define PLAN_BYTES_MAX (256u << 20)
#define STEP_ARGUMENTS_MAX 7

enum step_code {
#define STEP(name, signature, arguments) code_##name,
#include "steps.def"
#undef STEP
    STEP_COUNT
};

/* A list of strings: `count` strings, one behind the other, each with its NUL. */
struct list {
    const char *first;
    uint32_t count;
};

union argument {
    uint64_t u;
    const char *s;
    struct {
        const uint8_t *data;
        size_t size;
    } b;
    struct list l;
};

struct step {
    uint16_t code;
    union argument a[STEP_ARGUMENTS_MAX];
};

/* Where reading stands; `next` never passes `end`. */
struct plan {
    const uint8_t *next;
    const uint8_t *end;
    uint32_t steps;
    uint32_t index;
};

/* Set errno, and return -1. */
int failing(int number);
int plan_open(struct plan *plan, const void *bytes, size_t size);
int plan_next(struct plan *plan, struct step *step);

/* The string behind `string` in a list. */
const char *list_next(const char *string);
/* A NULL-terminated vector of the list's strings, or NULL with errno set. The strings stay in the plan. */
char **list_vector(struct list list);

#endif
