/* Another day for the tests: the wall clock of a program that is preloaded with this library is WTPD_AHEAD seconds ahead
   of the machine's. The monotonic clock, by which all wait, and the times of files stay as they are.
   libfaketime 0.9.10 (Debian 12) makes each wait for a lock ten times as long, and time.sleep() fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*machine)(clockid_t, struct timespec *);
static long ahead;

static void set_up(void) {
  const char *given = getenv("WTPD_AHEAD");
  ahead = given ? atol(given) : 0;
  machine = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

/* At the start, and once more if another library asks for the time before this one is set up. */
static void __attribute__((constructor)) at_start(void) { set_up(); }

int clock_gettime(clockid_t clock, struct timespec *now) {
  if (!machine) set_up();
  int failed = machine(clock, now);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead;
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec exact;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec exact;
  if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}
