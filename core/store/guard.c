/* LMDB reads its file through a map: a damaged page, or a disk that fails, shows as SIGBUS or
 * SIGSEGV in the middle of a read.  Nothing is lost by ending there, for a commit is whole or not
 * there at all; so the process ends with a sentence instead of a core dump. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "store/internal.h"

static struct sigaction before[2]; /* of SIGBUS, SIGSEGV */
static pthread_once_t installed = PTHREAD_ONCE_INIT;
static _Thread_local const char *volatile reading; /* path of the store this thread is in */
static _Thread_local volatile int depth;

static void say(const char *text)
{
    ssize_t n = write(STDERR_FILENO, text, strlen(text));
    (void)n;
}

static void on_fault(int signal)
{
    if (depth ==
        0) { /* no fault of ours: the one before gets it, when the instruction runs again */
        sigaction(signal, &before[signal == SIGSEGV], NULL);
        return;
    }
    say("error: read ");
    say(reading);
    say(": a page cannot be read: the file is damaged or the disk fails\n"
        "hint: 'prov state check' names what is damaged, 'prov state recover FILE' puts a copy of "
        "'prov state backup' in its place\n");
    _exit(1);
}

static void install(void)
{
    struct sigaction action = {.sa_handler = on_fault};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before[0]);
    sigaction(SIGSEGV, &action, &before[1]);
}

void guard_enter(const pv_store *s)
{
    pthread_once(&installed, install);
    reading = s->path;
    depth++;
}

void guard_leave(void)
{
    depth--;
}
