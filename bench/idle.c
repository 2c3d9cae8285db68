/* The program in the box: returns at once as /bin/true, or waits for a signal when given an argument. */
#include <unistd.h>

int main(int count, char **words)
{
    (void)words;
    if (count > 1)
        pause();
    return 0;
}
