/* What the driver of the emulator knows: contexts, memory, and what waits in streams. */
#pragma once
#define _GNU_SOURCE
#include "machine.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SUCCESS, INVALID_VALUE, OUT_OF_MEMORY, NOT_INITIALIZED, NO_DEVICE = 100,
       INVALID_DEVICE = 101,
       INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600 };
enum { N_DEVICES = 2, PAGE = 1 << PAGE_BITS, DEFAULT_SHARED = 48 << 10, MOST_SHARED = 227 << 10 };
/* Addresses, of which each is given away once: a use after free is one of nobody's memory. */
#define ARENA (1ull << 38)
#define MOST_ALLOCATIONS (ARENA / (2 * PAGE))
#define MOST_PINNED (1 << 20)
#define MEMORY (16ull << 30)

typedef int Result;
typedef uint64_t Address;
typedef struct Stream Stream;
typedef struct { int device, n_users; Stream *streams; } Context;
typedef struct { Extent extent; int device, is_live; } Allocation;
typedef struct { char *first, *last; int is_live; } Pinned;
typedef struct Code Code;
typedef struct { const Kernel *code; Code *library; uint32_t granted[N_DEVICES]; } Function;
struct Code { Function *functions; int n; };
typedef struct { unsigned grid[3], block[3], shared; void *stream, *attributes; unsigned n; } Launch;
typedef struct { /* what waits in a stream */
  enum { EVENT, UPLOAD, DOWNLOAD, MOVE, SET, LAUNCH } kind;
  Address to, from;
  char *host;
  size_t n;
  uint64_t sum; /* of pinned memory when its copy was asked for; 0: a copy of our own */
  Launch launch;
  Function *function;
  int value;
} Work;
struct Stream { Context *context; int is_live; long n_asked, n_done, room; Work *work; Stream *next; };
typedef struct { Context *context; Stream *stream; long asked; } Event;

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static Context contexts[N_DEVICES];
static __thread Context *stack[64];
static __thread int depth;
static Allocation *allocations;
static Pinned *pinned;
static int n_allocations, n_pinned;
static size_t used[N_DEVICES], memory = MEMORY;
static Address bump;
static pid_t owner;
long driver_n_violations;
long driver_n_waits; /* how often the host synchronised, or copied in a way that waits */

static Result wrong(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("emulator: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  driver_n_violations++;
  return INVALID_VALUE;
}

static Context *here(void) { return depth ? stack[depth - 1] : NULL; }
static Result leave(Result result) { pthread_mutex_unlock(&lock); return result; }
#define RETURN(value) return leave(value)
#define ENTER                                                     \
  pthread_mutex_lock(&lock);                                      \
  if (owner != getpid()) RETURN(NOT_INITIALIZED)
#define ENTER_CONTEXT                                             \
  ENTER;                                                          \
  Context *context __attribute__((unused)) = here();              \
  if (!context) { wrong("%s without a context", __func__); RETURN(INVALID_CONTEXT); }

static uint64_t sum_of(const char *p, size_t n) {
  uint64_t sum = 1469598103934665603ull;
  for (size_t i = 0; i < n; i++) sum = (sum ^ (unsigned char)p[i]) * 1099511628211ull;
  return sum | 1;
}

/* ---- Memory: pages of the arena, which belong to one allocation each and never to another. */

/* Zeros in fresh memory, or addresses without memory; at an address, or anywhere. */
static void *map(void *at, size_t n, int access) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0);
  void *found = mmap(at, n, access, flags, -1, 0);
  if (found == MAP_FAILED) perror("emulator: mmap"), abort();
  return found;
}
static void *reserve(size_t n) { return map(NULL, n, PROT_READ | PROT_WRITE); }
static size_t whole_pages(size_t n) { return (n + PAGE - 1) / PAGE * PAGE; }

static Allocation *find(Address at) {
  for (int low = 0, high = n_allocations - 1; low <= high;) {
    int middle = (low + high) / 2;
    Extent *e = &allocations[middle].extent;
    if (at < e->first) high = middle - 1;
    else if (at >= whole_pages(e->last)) low = middle + 1;
    else return allocations + middle;
  }
  return NULL;
}

/* The bytes behind a device address; NULL, and told, where they are not all there. */
static char *bytes_at(Address at, size_t n, const char *what, int device) {
  Allocation *a = find(at);
  const char *why = !a ? "is no memory" : !a->is_live ? "was freed"
                  : at + n > a->extent.last ? "is too short"
                  : device >= 0 && a->device != device ? "is of another device" : NULL;
  if (!why) return (char *)(at - DEVICE_OFFSET);
  wrong("%s: %#llx, %zu bytes: this %s", what, (unsigned long long)at, n, why);
  return NULL;
}

static Pinned *find_pinned(const char *p) {
  for (int i = n_pinned - 1; i >= 0; i--)
    if (pinned[i].is_live && p >= pinned[i].first && p < pinned[i].last) return pinned + i;
  return NULL;
}

/* ---- Streams */

static void carry_out(Work *w) {
  char *to = w->to ? bytes_at(w->to, w->n, "a copy, when it is done", -1) : w->host;
  char *from = w->from ? bytes_at(w->from, w->n, "a copy, when it is done", -1) : w->host;
  switch (w->kind) {
  case UPLOAD:
    if (w->sum && sum_of(w->host, w->n) != w->sum)
      wrong("pinned memory (%zu bytes) changed before it was copied", w->n);
    if (to) memcpy(to, w->host, w->n);
    if (!w->sum) free(w->host);
    break;
  case DOWNLOAD: case MOVE:
    if (to && from) memmove(to, from, w->n);
    break;
  case SET:
    if (to) memset(to, w->value, w->n);
    break;
  case LAUNCH:
    driver_n_violations += machine_launch(w->function->code, w->launch.grid, w->launch.block,
                                          w->launch.shared, w->host);
    free(w->host);
    break;
  case EVENT: break;
  }
}

static void finish(Stream *s, long until) {
  while (s->n_done < until) carry_out(s->work + s->n_done++ % s->room);
}
static void finish_all(Context *c) {
  for (Stream *s = c->streams; s; s = s->next) finish(s, s->n_asked);
}

static void ask(Context *c, Stream *s, Work w) {
  if (!s) { /* the default stream waits for all others */
    driver_n_waits++;
    finish_all(c);
    carry_out(&w);
    return;
  }
  if (s->n_asked - s->n_done >= s->room) {
    long room = s->room ? 2 * s->room : 64;
    Work *work = malloc(room * sizeof *work);
    for (long i = s->n_done; i < s->n_asked; i++) work[i % room] = s->work[i % s->room];
    free(s->work);
    s->work = work, s->room = room;
  }
  s->work[s->n_asked++ % s->room] = w;
}

/* The stream of a handle, NULL being the default one. */
static Result stream_of(void *handle, const char *what, Stream **found) {
  *found = NULL;
  if (handle <= (void *)2) return SUCCESS;
  for (int d = 0; d < N_DEVICES; d++)
    for (Stream *s = contexts[d].streams; s; s = s->next)
      if (s == handle && s->is_live && s->context == here()) { *found = s; return SUCCESS; }
  wrong("%s: not a stream of this context", what);
  return INVALID_HANDLE;
}
#define ENTER_STREAM(handle)                                      \
  ENTER_CONTEXT;                                                  \
  Stream *stream;                                                 \
  if (stream_of(handle, __func__, &stream)) RETURN(INVALID_HANDLE)
