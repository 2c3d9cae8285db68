/* Decode many plans read from standard input, each behind its u32 length; built with sanitizers.
 * Prints how many were sound and how many were refused. */
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=1:abort_on_error=0:exitcode=99";
}

/* Touch every argument, so that a bad length is seen by the sanitizer. */
static unsigned touch(const struct step *step, const char *signature)
{
    unsigned sum = 0;

    for (unsigned i = 0; signature[i] != 0; i++) {
        if (signature[i] == 's')
            for (const char *c = step->a[i].s; *c; c++)
                sum += (unsigned char)*c;
        if (signature[i] == 'b')
            for (size_t k = 0; k < step->a[i].b.size; k++)
                sum += step->a[i].b.data[k];
        if (signature[i] == 'l') {
            char **vector = list_vector(step->a[i].l);

            for (char **one = vector; one != NULL && *one != NULL; one++)
                sum += (unsigned char)**one;
            free(vector);
        }
    }
    return sum;
}

static const char *const signatures[] = {
#define STEP(name, signature, arguments) signature,
#include "steps.def"
#undef STEP
};

int main(void)
{
    unsigned sound = 0, refused = 0, sum = 0;
    unsigned size;

    while (fread(&size, sizeof size, 1, stdin) == 1) {
        /* Exactly as large as the plan, so that one byte too far is caught. */
        unsigned char *bytes = malloc(size ? size : 1);
        struct plan plan;
        struct step step;
        int more = -1;

        if (bytes == NULL || fread(bytes, 1, size, stdin) != size)
            return 2;
        if (plan_open(&plan, bytes, size) == 0)
            while ((more = plan_next(&plan, &step)) > 0)
                sum += touch(&step, signatures[step.code]);
        if (more == 0)
            sound++;
        else
            refused++;
        free(bytes);
    }
    printf("%u sound, %u refused, %u\n", sound, refused, sum);
    return 0;
}
