/* What a translated kernel sees of the machine it runs on: its thread, memory, barriers.

   Device addresses are those of host memory plus DEVICE_OFFSET, so that the host cannot follow them
   by mistake. Addresses of shared memory are counted from the start of the block's own. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#define DEVICE_OFFSET (1ull << 46)
#define PAGE_BITS 16
#define WARP 32

typedef struct { uint64_t first, last; } Extent; /* addresses from the first to before the last */

typedef struct {
  uint32_t tid[3], ctaid[3], ntid[3], nctaid[3], dynamic_at, dynamic_size;
  uint32_t number; /* of the thread within its block */
  Extent local;    /* its own memory */
} Thread;

typedef struct {
  const char *name;
  void (*run)(Thread *, const char *parameters);
  int n_parameters;
  const int *offsets, *sizes; /* of the parameters */
  uint32_t static_shared, max_threads;
} Kernel;

/* Which accesses of one launch a word of memory has seen last. */
typedef struct {
  uint32_t run, block, epoch;
  uint16_t thread, many; /* many: 1 several threads of the block, 2 several blocks */
} Access;
typedef struct { Access written, read; } Cell;

/* A page of device memory: the addresses of its allocation, and a cell for every word of that. */
typedef struct { uint64_t first, last; Cell *cells; } Page;

typedef struct {
  Page *pages;
  Cell *shared_cells;
  char *shared;
  uint64_t base; /* device address of the first page */
  uint64_t n_pages;
  uint32_t shared_size;
} Machine;

extern Machine machine;
extern int machine_checks_races;
int machine_launch(const Kernel *, const unsigned grid[3], const unsigned block[3],
                   unsigned dynamic_shared, const char *parameters);
void machine_fault(Thread *, int line, const char *what, uint64_t address, unsigned size);
void machine_note(Thread *, int line, Cell *, unsigned size, int write, int shared);
void machine_barrier(Thread *, int line);
void machine_mma(Thread *, int line, int bf16, float *d, const uint32_t *a, const uint32_t *b,
                 const float *c);

static inline char *global_at(Thread *t, int line, uint64_t at, unsigned size, int write) {
  uint64_t number = (at - machine.base) >> PAGE_BITS;
  const Page *page = machine.pages + number;
  if (number >= machine.n_pages || at < page->first || at + size > page->last || at % size)
    machine_fault(t, line, write ? "write to" : "read from", at, size);
  if (machine_checks_races)
    machine_note(t, line, page->cells + (at - page->first) / 4, size, write, 0);
  return (char *)(at - DEVICE_OFFSET);
}
static inline char *shared_at(Thread *t, int line, uint64_t at, unsigned size, int write) {
  if (at >= machine.shared_size || size > machine.shared_size - at || at % size)
    machine_fault(t, line, write ? "write to shared" : "read from shared", at, size);
  if (machine_checks_races) machine_note(t, line, machine.shared_cells + at / 4, size, write, 1);
  return machine.shared + at;
}
static inline char *local_at(Thread *t, int line, uint64_t at, unsigned size, int write) {
  if (at - t->local.first + size > t->local.last - t->local.first || at % size)
    machine_fault(t, line, write ? "write to local" : "read from local", at, size);
  return (char *)at;
}

/* Bits as numbers and back. */
static inline float to_f32(uint32_t v) { float f; memcpy(&f, &v, 4); return f; }
static inline double to_f64(uint64_t v) { double f; memcpy(&f, &v, 8); return f; }
static inline uint32_t from_f32(float f) { uint32_t v; memcpy(&v, &f, 4); return v; }
static inline uint64_t from_f64(double f) { uint64_t v; memcpy(&v, &f, 8); return v; }

/* Arithmetic that C has no operator for. Approximate instructions are computed exactly: the real
   ones are a few units in the last place off. */
float fma_down(float a, float b, float c);
static inline float flush(float f) { return fabsf(f) < 0x1p-126f ? copysignf(0, f) : f; }
static inline float saturate(float f) { return f >= 1 ? 1 : f > 0 ? f : 0; }
static inline uint64_t mul_hi(uint64_t a, uint64_t b) { return (unsigned __int128)a * b >> 64; }
static inline uint64_t insert(uint64_t what, uint64_t into, uint32_t at, uint32_t n) {
  uint64_t mask = n < 64 ? (1ull << n) - 1 : ~0ull;
  return at < 64 ? (into & ~(mask << at)) | (what & mask) << at : into;
}
static inline int64_t truncate_to_s64(double v) {
  return v != v ? INT64_MIN : v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}
static inline uint32_t to_tf32(float f) { /* to the nearest, ties away from zero */
  uint32_t v = from_f32(f);
  return (v & 0x7f800000) == 0x7f800000 ? v : (v + 0x1000) & ~0x1fffu;
}
static inline uint32_t to_bf16(float f) { /* to the nearest, ties to even */
  uint32_t v = from_f32(f);
  return f != f ? 0x7fff : (v + 0x7fff + (v >> 16 & 1)) >> 16;
}
