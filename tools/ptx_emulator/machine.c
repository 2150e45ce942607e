/* Runs translated kernels: the threads of a block take turns, each on a stack of its own.

   Blocks run one after the other, in an order that the launch chooses. Whoever reads or writes what
   another thread may still write or read is reported, as are addresses outside of an allocation and
   barriers that not all threads reach. Memory nobody has written holds NaN. */
#define _GNU_SOURCE
#include "machine.h"
#include <fenv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#define MAX_THREADS 1024
#define STACK (256 << 10)
#define MAX_SHARED (256 << 10)

enum { READY, AT_BARRIER, IN_WARP, DONE };
typedef struct {
  Thread thread;
  jmp_buf born, here;
  int state, line; /* line: where it waits */
  uint32_t a[4], b[2];
  float c[4], d[4];
} Fiber;

Machine machine;
int machine_checks_races;
static Fiber fibers[MAX_THREADS];
static char *stacks;
static ucontext_t birth, cradle;
static jmp_buf scheduler;
static Fiber *current;
static const Kernel *kernel;
static const char *parameters;
static uint32_t run, epoch;
static int n_faults;

/* Everything that is wrong is told once for a line of a kernel; the count goes to the caller. */
static struct { const Kernel *kernel; int line; } told[256];
static int n_told;
static void tell(int line, const char *format, ...) {
  n_faults++;
  for (int i = 0; i < n_told; i++)
    if (told[i].kernel == kernel && told[i].line == line) return;
  if (n_told == 256) return;
  told[n_told].kernel = kernel, told[n_told++].line = line;
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "emulator: line %d of %.120s: ", line, kernel->name);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
}

static void wait_as(int state, int line) {
  current->state = state, current->line = line;
  if (!_setjmp(current->here)) _longjmp(scheduler, 1);
}

void machine_fault(Thread *t, int line, const char *what, uint64_t address, unsigned size) {
  tell(line, "thread %u of block %u: %s %#llx, %u bytes", t->number, t->ctaid[0], what,
       (unsigned long long)address, size);
  wait_as(DONE, line);
}

/* Whether an access of this launch is without order to one of thread t, now. */
static int conflicts(const Access *a, uint32_t block, uint32_t thread) {
  if (a->run != run || !a->run) return 0;
  if (a->block != block || a->many & 2) return 1;
  return a->epoch == epoch && (a->thread != thread || a->many & 1);
}

void machine_note(Thread *t, int line, Cell *cell, unsigned size, int write, int shared) {
  const uint32_t *at = t->ctaid, *of = t->nctaid;
  uint32_t block = shared ? 0 : at[0] + of[0] * (at[1] + of[1] * at[2]);
  for (unsigned i = 0; i < (size + 3) / 4; i++, cell++) {
    const Access *other = conflicts(&cell->written, block, t->number)          ? &cell->written
                          : write && conflicts(&cell->read, block, t->number) ? &cell->read
                                                                              : NULL;
    if (other)
      tell(line, "race: thread %u of block %u %s what thread %u of %s %s", t->number, t->ctaid[0],
           write ? "writes" : "reads", other->thread,
           other->block == block ? "the same block" : "another block",
           other == &cell->written ? "writes" : "reads");
    Access *before = write ? &cell->written : &cell->read, now = {run, block, epoch, t->number, 0};
    if (before->run == run) {
      if (before->block != block) now.many = 2;
      else if (before->epoch != epoch) now.many = before->many & 2;
      else now.many = before->many | (before->thread != t->number);
    }
    *before = now;
  }
}

void machine_barrier(Thread *t, int line) { (void)t; wait_as(AT_BARRIER, line); }

float fma_down(float a, float b, float c) {
  volatile float x = a, y = b, z = c, found;
  fesetround(FE_DOWNWARD);
  found = fmaf(x, y, z);
  fesetround(FE_TONEAREST);
  return found;
}

static float half(uint32_t word, int upper) { return to_f32(upper ? word & 0xffff0000 : word << 16); }

/* d = a @ b + c of a whole warp; the lane holds what the tables of the PTX ISA say. */
static void multiply(Fiber *warp, int bf16) {
  double a[16][16], b[16][8];
  int depth = bf16 ? 16 : 8;
  for (int lane = 0; lane < WARP; lane++) {
    int g = lane / 4, q = lane % 4;
    for (int i = 0; i < 4; i++)
      for (int h = 0; h < 1 + bf16; h++) {
        int row = g + i % 2 * 8, word = q + i / 2 * 4;
        uint32_t v = warp[lane].a[i];
        a[row][word * (1 + bf16) + h] = bf16 ? half(v, h) : to_f32(v & ~0x1fffu);
      }
    for (int i = 0; i < 2; i++)
      for (int h = 0; h < 1 + bf16; h++) {
        uint32_t v = warp[lane].b[i];
        b[(q + i * 4) * (1 + bf16) + h][g] = bf16 ? half(v, h) : to_f32(v & ~0x1fffu);
      }
  }
  for (int lane = 0; lane < WARP; lane++)
    for (int i = 0; i < 4; i++) {
      int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      double sum = warp[lane].c[i];
      for (int k = 0; k < depth; k++) sum += a[row][k] * b[k][column];
      warp[lane].d[i] = (float)sum;
    }
}

void machine_mma(Thread *t, int line, int bf16, float *d, const uint32_t *a, const uint32_t *b,
                 const float *c) {
  Fiber *me = current, *warp = fibers + t->number / WARP * WARP;
  memcpy(me->a, a, sizeof me->a), memcpy(me->b, b, sizeof me->b), memcpy(me->c, c, sizeof me->c);
  int n = 1;
  for (int lane = 0; lane < WARP; lane++)
    n += warp + lane != me && warp[lane].state == IN_WARP && warp[lane].line == line;
  if (n == WARP) {
    multiply(warp, bf16);
    for (int lane = 0; lane < WARP; lane++)
      if (warp + lane != me) warp[lane].state = READY;
  } else {
    wait_as(IN_WARP, line);
  }
  memcpy(d, me->d, sizeof me->d);
}

static void live(void) {
  for (;;) {
    Fiber *me = current;
    kernel->run(&me->thread, parameters);
    wait_as(DONE, 0);
  }
}
static void be_born(void) {
  if (!_setjmp(current->born)) swapcontext(&birth, &cradle);
  live();
}

static void prepare(void) {
  size_t n = (size_t)MAX_THREADS * STACK;
  stacks = mmap(0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  machine.shared = malloc(MAX_SHARED);
  machine.shared_cells = calloc(MAX_SHARED / 4, sizeof(Cell));
  for (int i = 0; i < MAX_THREADS; i++) {
    current = fibers + i;
    getcontext(&birth);
    birth.uc_stack.ss_sp = stacks + (size_t)i * STACK;
    birth.uc_stack.ss_size = STACK;
    birth.uc_link = 0;
    makecontext(&birth, be_born, 0);
    swapcontext(&cradle, &birth);
  }
}

static __attribute__((noinline)) void give_turn(Fiber *fiber) {
  current = fiber;
  if (!_setjmp(scheduler)) _longjmp(fiber->here, 1);
}

/* A pass gives every thread that can go on its turn: forwards, backwards, forwards... */
static void run_block(int n_threads, int backwards) {
  int left = n_threads;
  while (left) {
    int n_at_barrier = 0, n_waiting = 0, line = 0;
    for (int i = 0; i < n_threads; i++) {
      Fiber *next = fibers + (backwards ? n_threads - 1 - i : i);
      if (next->state == READY) give_turn(next);
    }
    left = 0;
    for (int i = 0; i < n_threads; i++) {
      left += fibers[i].state != DONE;
      n_at_barrier += fibers[i].state == AT_BARRIER;
      n_waiting += fibers[i].state == AT_BARRIER || fibers[i].state == IN_WARP;
      if (fibers[i].state == AT_BARRIER) {
        if (line && line != fibers[i].line) tell(line, "threads wait at different barriers");
        line = fibers[i].line;
      }
    }
    if (n_at_barrier && n_at_barrier == left) {
      if (left != n_threads) tell(line, "a barrier that %d of %d threads reach", left, n_threads);
      epoch++;
      for (int i = 0; i < n_threads; i++)
        if (fibers[i].state == AT_BARRIER) fibers[i].state = READY;
    } else if (left && n_waiting == left) {
      for (int i = 0; i < n_threads; i++)
        if (fibers[i].state != DONE) line = fibers[i].line, fibers[i].state = DONE;
      tell(line, "threads wait for ever: %d at a barrier, %d in a warp, %d have left", n_at_barrier,
           n_waiting - n_at_barrier, n_threads - left);
    }
    backwards = !backwards;
  }
}

/* The number of faults of a launch. */
int machine_launch(const Kernel *k, const unsigned grid[3], const unsigned block[3],
                   unsigned dynamic_shared, const char *values) {
  if (!stacks) prepare();
  kernel = k, parameters = values, n_faults = 0, run++;
  uint32_t dynamic_at = (k->static_shared + 15) / 16 * 16;
  machine.shared_size = dynamic_at + dynamic_shared;
  unsigned n_threads = block[0] * block[1] * block[2], n_blocks = grid[0] * grid[1] * grid[2];
  for (unsigned i = 0; i < n_blocks; i++) {
    unsigned b = run % 2 ? i : n_blocks - 1 - i;
    epoch = 1;
    memset(machine.shared, 0xff, machine.shared_size);
    if (machine_checks_races) memset(machine.shared_cells, 0, (machine.shared_size + 3) / 4 * sizeof(Cell));
    for (unsigned t = 0; t < n_threads; t++) {
      Thread found = {{t % block[0], t / block[0] % block[1], t / block[0] / block[1]},
                      {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]},
                      {block[0], block[1], block[2]}, {grid[0], grid[1], grid[2]}, dynamic_at, dynamic_shared, t};
      fibers[t].thread = found, fibers[t].state = READY;
      memcpy(fibers[t].here, fibers[t].born, sizeof fibers[t].here);
    }
    run_block(n_threads, run / 2 % 2);
  }
  return n_faults;
}
