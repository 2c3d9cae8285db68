/* Makes a forbidden call from many threads at once, while a timer tries to call it off.
 *
 * offender THREADS USEC RESTART
 *
 * Each thread writes "X" behind its call, and the process "E" seconds later.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <unistd.h>

#define MOST 128

static int go;

static void ignore(int number)
{
    (void)number;
}

static void say(const char *letter)
{
    if (write(1, letter, 1) != 1)
        _exit(9);
}

static void *call(void *unused)
{
    while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
        continue;
    mount("none", "/mnt", "tmpfs", 0, NULL);
    say("X");
    return unused;
}

int main(int count, char **arguments)
{
    int threads = count > 1 ? atoi(arguments[1]) : 1;
    long usec = count > 2 ? atol(arguments[2]) : 0;
    int restart = count > 3 ? atoi(arguments[3]) : 0;
    pthread_t made[MOST];

    for (int i = 0; i < threads - 1 && i < MOST; i++)
        if (pthread_create(&made[i], NULL, call, NULL) != 0)
            return 8;
    if (usec > 0) {
        struct sigaction action;
        struct itimerval timer = {{0, usec}, {0, usec}};

        memset(&action, 0, sizeof action);
        action.sa_handler = ignore;
        action.sa_flags = restart ? SA_RESTART : 0;
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &timer, NULL);
    }
    say("b");
    __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
    call(NULL);
    for (int i = 0; i < threads - 1 && i < MOST; i++)
        pthread_join(made[i], NULL);
    for (int i = 0; i < 3000; i++) /* who ends at once may be gone before the supervisor could look */
        usleep(1000);
    say("E");
    return 0;
}
