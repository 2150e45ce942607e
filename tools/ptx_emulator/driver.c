/* The part of CUDA's driver that numba-cuda calls, for devices that do not exist.

   What is put into a stream is done as late as the rules allow: when somebody waits for it. Wrong
   use is an error here where a real driver may stay silent: memory of another device or freed,
   pinned memory changed before it was copied, contexts and streams that are not there. */
#define _GNU_SOURCE
#include "work.h"
#include <dlfcn.h>

/* ---- Devices and contexts */

Result cuInit(unsigned flags) {
  (void)flags;
  pthread_mutex_lock(&lock);
  const char *visible = getenv("CUDA_VISIBLE_DEVICES");
  if (visible && !*visible) RETURN(NO_DEVICE);
  if (owner && owner != getpid()) RETURN(NOT_INITIALIZED);
  if (!owner) {
    owner = getpid();
    for (int d = 0; d < N_DEVICES; d++) contexts[d].device = d;
    machine.base = whole_pages((Address)map(NULL, ARENA, PROT_NONE) + DEVICE_OFFSET);
    machine.n_pages = ARENA / PAGE - 1;
    machine.pages = reserve(machine.n_pages * sizeof *machine.pages);
    machine_checks_races = getenv("EMULATOR_RACES") != NULL;
    if (getenv("EMULATOR_MEMORY")) memory = strtoull(getenv("EMULATOR_MEMORY"), 0, 10);
    bump = machine.base + PAGE;
    allocations = reserve(MOST_ALLOCATIONS * sizeof *allocations);
    pinned = reserve(MOST_PINNED * sizeof *pinned);
  }
  RETURN(SUCCESS);
}
Result cuDriverGetVersion(int *v) { *v = 13000; return SUCCESS; }
Result cuDeviceGetCount(int *n) { ENTER; *n = N_DEVICES; RETURN(SUCCESS); }
Result cuDeviceGet(int *d, int i) {
  ENTER;
  if (i < 0 || i >= N_DEVICES) RETURN(INVALID_DEVICE);
  *d = i;
  RETURN(SUCCESS);
}
Result cuDeviceGetName(char *s, int n, int d) { ENTER; snprintf(s, n, "Emulator %d", d); RETURN(SUCCESS); }
Result cuDeviceGetUuid(unsigned char *u, int d) { ENTER; memset(u, d + 1, 16); RETURN(SUCCESS); }
Result cuDeviceTotalMem(size_t *n, int d) { (void)d; ENTER; *n = memory; RETURN(SUCCESS); }
Result cuDeviceGetAttribute(int *value, int attribute, int device) {
  /* by the numbers of CUdevice_attribute; those of an H100 */
  static const int known[][2] = {
    {1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 2147483647}, {6, 65535}, {7, 65535},
    {8, DEFAULT_SHARED}, {10, WARP}, {12, 65536}, {13, 1980000}, {16, 132}, {19, 1}, {31, 1},
    {39, 2048}, {41, 1}, {75, 9}, {76, 0}, {81, 228 << 10}, {82, 65536}, {95, 1},
    {97, MOST_SHARED}, {106, 32}, {111, 1024}, {115, 1}};
  ENTER;
  *value = attribute == 33 ? device + 1 : 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i][0] == attribute) *value = known[i][1];
  RETURN(SUCCESS);
}
Result cuDevicePrimaryCtxRetain(Context **c, int d) {
  ENTER;
  if (d < 0 || d >= N_DEVICES) RETURN(INVALID_DEVICE);
  contexts[d].n_users++;
  *c = contexts + d;
  RETURN(SUCCESS);
}
Result cuDevicePrimaryCtxRelease(int d) {
  ENTER;
  if (--contexts[d].n_users < 0) wrong("the context of device %d is released too often", d);
  RETURN(SUCCESS);
}
Result cuDevicePrimaryCtxGetState(int d, unsigned *flags, int *active) {
  ENTER;
  *flags = 0, *active = contexts[d].n_users > 0;
  RETURN(SUCCESS);
}
Result cuCtxGetCurrent(Context **c) { ENTER; *c = here(); RETURN(SUCCESS); }
Result cuCtxPushCurrent(Context *c) {
  ENTER;
  if (depth == 64) RETURN(wrong("too many contexts are pushed"));
  stack[depth++] = c;
  RETURN(SUCCESS);
}
Result cuCtxPopCurrent(Context **c) {
  ENTER_CONTEXT;
  depth--;
  if (c) *c = context;
  RETURN(SUCCESS);
}
Result cuCtxSetCurrent(Context *c) {
  ENTER;
  if (depth) depth--;
  if (c) stack[depth++] = c;
  RETURN(SUCCESS);
}
Result cuCtxGetDevice(int *d) { ENTER_CONTEXT; *d = context->device; RETURN(SUCCESS); }
Result cuCtxGetDevice_v2(int *d, Context *c) { ENTER; *d = c->device; RETURN(SUCCESS); }
Result cuCtxGetId(Context *c, uint64_t *i) { ENTER; c = c ? c : here(); *i = c ? c->device + 1 : 0; RETURN(SUCCESS); }
Result cuCtxSynchronize(void) {
  ENTER_CONTEXT;
  driver_n_waits++;
  finish_all(context);
  RETURN(SUCCESS);
}
Result cuCtxGetApiVersion(Context *c, unsigned *v) { (void)c; ENTER; *v = 13000; RETURN(SUCCESS); }

/* ---- Memory, as callers see it */

Result cuMemGetInfo(size_t *free_, size_t *total) {
  ENTER_CONTEXT;
  *free_ = memory - used[context->device], *total = memory;
  RETURN(SUCCESS);
}
Result cuMemAlloc(Address *p, size_t n) {
  ENTER_CONTEXT;
  if (!n) RETURN(wrong("an allocation of no bytes"));
  if (used[context->device] + n > memory) RETURN(OUT_OF_MEMORY);
  if (bump + n + PAGE > machine.base + machine.n_pages * PAGE) RETURN(OUT_OF_MEMORY);
  Allocation a = {{bump, bump + n}, context->device, 1};
  memset(map((char *)(bump - DEVICE_OFFSET), whole_pages(n), PROT_READ | PROT_WRITE), 0xff, n);
  Cell *cells = reserve((n + 3) / 4 * sizeof *cells);
  for (Address page = (bump - machine.base) / PAGE; bump < a.extent.last; bump += PAGE)
    machine.pages[page++] = (Page){a.extent.first, a.extent.last, cells};
  bump += PAGE; /* nobody's */
  used[a.device] += n;
  allocations[n_allocations++] = a;
  *p = a.extent.first;
  RETURN(SUCCESS);
}
Result cuMemFree(Address p) {
  ENTER_CONTEXT;
  Allocation *a = find(p);
  if (!a || !a->is_live || a->extent.first != p) RETURN(wrong("free of what is no allocation"));
  finish_all(contexts + a->device);
  a->is_live = 0;
  used[a->device] -= a->extent.last - p;
  size_t n = a->extent.last - p;
  Page *page = machine.pages + (p - machine.base) / PAGE;
  munmap(page->cells, (n + 3) / 4 * sizeof(Cell));
  memset(page, 0, whole_pages(n) / PAGE * sizeof *page);
  map((char *)(p - DEVICE_OFFSET), whole_pages(n), PROT_NONE);
  RETURN(SUCCESS);
}
Result cuMemHostAlloc(char **p, size_t n, unsigned flags) {
  (void)flags;
  ENTER_CONTEXT;
  *p = malloc(n);
  memset(*p, 0xff, n);
  pinned[n_pinned++] = (Pinned){*p, *p + n, 1};
  RETURN(SUCCESS);
}
Result cuMemFreeHost(char *p) {
  ENTER_CONTEXT;
  Pinned *found = find_pinned(p);
  if (!found || found->first != p) RETURN(wrong("free of what is no pinned memory"));
  for (int d = 0; d < N_DEVICES; d++) finish_all(contexts + d);
  found->is_live = 0;
  free(p);
  RETURN(SUCCESS);
}
Result cuPointerGetAttribute(void *value, int attribute, Address p) {
  ENTER_CONTEXT;
  Allocation *a = find(p);
  if (!a && !find_pinned((char *)p)) RETURN(INVALID_VALUE);
  switch (attribute) {
  case 1: *(Context **)value = a ? contexts + a->device : context; break;
  case 2: *(int *)value = a ? 2 : 1; break;
  case 3: *(Address *)value = p; break;
  case 9: *(int *)value = a ? a->device : 0; break;
  default: *(int *)value = 0;
  }
  RETURN(SUCCESS);
}
Result cuMemcpyHtoDAsync(Address to, char *host, size_t n, void *handle) {
  ENTER_STREAM(handle);
  if (!bytes_at(to, n, __func__, context->device)) RETURN(INVALID_VALUE);
  Work w = {.kind = UPLOAD, .to = to, .host = host, .n = n};
  if (find_pinned(host)) w.sum = sum_of(host, n);
  else w.host = memcpy(malloc(n), host, n); /* the real one copies at once, or waits */
  ask(context, stream, w);
  RETURN(SUCCESS);
}
Result cuMemcpyDtoHAsync(char *host, Address from, size_t n, void *handle) {
  ENTER_STREAM(handle);
  if (!bytes_at(from, n, __func__, context->device)) RETURN(INVALID_VALUE);
  ask(context, stream, (Work){.kind = DOWNLOAD, .from = from, .host = host, .n = n});
  if (stream && !find_pinned(host)) driver_n_waits++, finish(stream, stream->n_asked);
  RETURN(SUCCESS);
}
Result cuMemcpyDtoDAsync(Address to, Address from, size_t n, void *handle) {
  ENTER_STREAM(handle);
  ask(context, stream, (Work){.kind = MOVE, .to = to, .from = from, .n = n});
  RETURN(SUCCESS);
}
Result cuMemsetD8Async(Address to, unsigned char value, size_t n, void *handle) {
  ENTER_STREAM(handle);
  ask(context, stream, (Work){.kind = SET, .to = to, .n = n, .value = value});
  RETURN(SUCCESS);
}
Result cuMemcpyHtoD(Address to, char *host, size_t n) { return cuMemcpyHtoDAsync(to, host, n, NULL); }
Result cuMemcpyDtoH(char *host, Address from, size_t n) { return cuMemcpyDtoHAsync(host, from, n, NULL); }
Result cuMemcpyDtoD(Address to, Address from, size_t n) { return cuMemcpyDtoDAsync(to, from, n, NULL); }
Result cuMemsetD8(Address to, unsigned char value, size_t n) { return cuMemsetD8Async(to, value, n, NULL); }

/* ---- Streams and events, as callers see them */

Result cuStreamCreate(Stream **s, unsigned flags) {
  ENTER_CONTEXT;
  if (flags) wrong("a stream that the default one does not wait for");
  *s = calloc(1, sizeof **s);
  **s = (Stream){.context = context, .is_live = 1, .next = context->streams};
  context->streams = *s;
  RETURN(SUCCESS);
}
Result cuStreamDestroy(void *handle) {
  ENTER_STREAM(handle);
  finish(stream, stream->n_asked);
  stream->is_live = 0;
  RETURN(SUCCESS);
}
Result cuStreamSynchronize(void *handle) {
  ENTER_STREAM(handle);
  driver_n_waits++;
  if (stream) finish(stream, stream->n_asked);
  else finish_all(context);
  RETURN(SUCCESS);
}
Result cuStreamQuery(void *handle) {
  ENTER_STREAM(handle);
  RETURN(stream && stream->n_done < stream->n_asked ? NOT_READY : SUCCESS);
}
Result cuStreamGetCtx(void *handle, Context **c) { ENTER_STREAM(handle); *c = context; RETURN(SUCCESS); }
Result cuStreamGetCtx_v2(void *handle, Context **c, void **green) {
  ENTER_STREAM(handle);
  *c = context, *green = NULL;
  RETURN(SUCCESS);
}
Result cuStreamGetFlags(void *handle, unsigned *f) { ENTER_STREAM(handle); *f = 0; RETURN(SUCCESS); }
Result cuStreamGetDevice(void *handle, int *d) { ENTER_STREAM(handle); *d = context->device; RETURN(SUCCESS); }
Result cuStreamIsCapturing(void *handle, int *f) { ENTER_STREAM(handle); *f = 0; RETURN(SUCCESS); }
Result cuStreamWaitEvent(void *handle, Event *e, unsigned flags) {
  (void)flags;
  ENTER_STREAM(handle);
  if (e->stream) finish(e->stream, e->asked);
  RETURN(SUCCESS);
}
Result cuEventCreate(Event **e, unsigned flags) {
  (void)flags;
  ENTER_CONTEXT;
  *e = calloc(1, sizeof **e);
  (*e)->context = context;
  RETURN(SUCCESS);
}
Result cuEventDestroy(Event *e) { ENTER_CONTEXT; free(e); RETURN(SUCCESS); }
Result cuEventRecord(Event *e, void *handle) {
  ENTER_STREAM(handle);
  if (e->context != context) RETURN(wrong("an event of another context"));
  e->stream = stream;
  if (stream) {
    ask(context, stream, (Work){.kind = EVENT});
    e->asked = stream->n_asked;
  }
  RETURN(SUCCESS);
}
Result cuEventSynchronize(Event *e) {
  ENTER_CONTEXT;
  if (e->stream) finish(e->stream, e->asked);
  RETURN(SUCCESS);
}
Result cuEventQuery(Event *e) {
  ENTER_CONTEXT;
  RETURN(e->stream && e->stream->n_done < e->asked ? NOT_READY : SUCCESS);
}
Result cuEventElapsedTime(float *milliseconds, Event *a, Event *b) {
  (void)a, (void)b;
  *milliseconds = 1; /* an emulator has no time */
  return SUCCESS;
}

/* ---- Code: an image is the word EMULATED and the path of a shared library with its kernels. */

Result cuLibraryLoadData(Code **found, const char *image, void *a, void *b, unsigned c, void *d, void *e, unsigned f) {
  (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
  ENTER;
  if (strncmp(image, "EMULATED ", 9)) RETURN(wrong("an image that is not of the emulator"));
  void *library = dlopen(image + 9, RTLD_NOW | RTLD_LOCAL);
  if (!library) RETURN(wrong("%s", dlerror()));
  const Kernel *kernels = dlsym(library, "emulated_kernels");
  *found = calloc(1, sizeof **found);
  while (kernels[(*found)->n].name) (*found)->n++;
  (*found)->functions = calloc((*found)->n, sizeof(Function));
  for (int i = 0; i < (*found)->n; i++) (*found)->functions[i] = (Function){kernels + i, *found, {0}};
  RETURN(SUCCESS);
}
Result cuLibraryUnload(Code *code) { (void)code; return SUCCESS; }
Result cuLibraryGetKernel(Function **found, Code *code, const char *name) {
  ENTER;
  for (int i = 0; i < code->n; i++)
    if (!strcmp(code->functions[i].code->name, name)) { *found = code->functions + i; RETURN(SUCCESS); }
  wrong("no kernel %s", name);
  RETURN(NOT_FOUND);
}
Result cuLibraryGetKernelCount(unsigned *n, Code *code) { *n = code->n; return SUCCESS; }
Result cuKernelGetFunction(Function **f, Function *k) { ENTER_CONTEXT; *f = k; RETURN(SUCCESS); }
Result cuKernelGetLibrary(Code **code, Function *k) { *code = k->library; return SUCCESS; }
Result cuKernelGetName(const char **name, Function *k) { *name = k->code->name; return SUCCESS; }
Result cuKernelGetParamInfo(Function *k, size_t i, size_t *offset, size_t *size) {
  if ((int)i >= k->code->n_parameters) return INVALID_VALUE;
  *offset = k->code->offsets[i], *size = k->code->sizes[i];
  return SUCCESS;
}
static uint32_t most_shared(Function *k, int device) {
  return k->granted[device] ? k->granted[device] : DEFAULT_SHARED - k->code->static_shared;
}
Result cuKernelGetAttribute(int *value, int attribute, Function *k, int device) {
  switch (attribute) {
  case 0: *value = k->code->max_threads; break;
  case 1: *value = k->code->static_shared; break;
  case 4: *value = 32; break;
  case 5: case 6: *value = 90; break;
  case 8: *value = most_shared(k, device); break;
  default: *value = 0;
  }
  return SUCCESS;
}
Result cuFuncGetAttribute(int *v, int a, Function *k) { ENTER_CONTEXT; RETURN(cuKernelGetAttribute(v, a, k, context->device)); }
Result cuKernelSetAttribute(int attribute, int value, Function *k, int device) {
  if (attribute != 8) return SUCCESS;
  if (value < 0 || value + k->code->static_shared > MOST_SHARED) return INVALID_VALUE;
  k->granted[device] = value;
  return SUCCESS;
}
Result cuFuncSetAttribute(Function *k, int a, int v) { ENTER_CONTEXT; RETURN(cuKernelSetAttribute(a, v, k, context->device)); }
Result cuKernelSetCacheConfig(Function *k, int c, int d) { (void)k, (void)c, (void)d; return SUCCESS; }
Result cuFuncGetModule(void **m, Function *k) { (void)k; *m = NULL; return SUCCESS; }
Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, Function *k, int block, size_t shared) {
  (void)k, (void)block, (void)shared;
  *n = 2;
  return SUCCESS;
}

Result cuLaunchKernelEx(const Launch *launch, Function *f, void **parameters, void **extra) {
  (void)extra;
  ENTER_STREAM(launch->stream);
  const Kernel *k = f->code;
  const unsigned *g = launch->grid, *b = launch->block;
  for (int i = 0; i < k->n_parameters; i++) { /* pointers are told by where they point to */
    uint64_t value = 0;
    memcpy(&value, parameters[i], k->sizes[i]);
    int is_address = k->sizes[i] == 8 && value - machine.base < ARENA;
    if (is_address && !bytes_at(value, 0, k->name, context->device)) RETURN(INVALID_VALUE);
  }
  uint64_t n_threads = (uint64_t)b[0] * b[1] * b[2];
  int fits = g[0] && g[1] && g[2] && g[0] <= 2147483647 && g[1] <= 65535 && g[2] <= 65535;
  if (!fits || !n_threads || n_threads > k->max_threads || b[2] > 64) RETURN(INVALID_VALUE);
  if (launch->shared > most_shared(f, context->device)) RETURN(INVALID_VALUE);
  int last = k->n_parameters - 1;
  char *values = calloc(1, last < 0 ? 1 : k->offsets[last] + k->sizes[last]);
  for (int i = 0; i <= last; i++) memcpy(values + k->offsets[i], parameters[i], k->sizes[i]);
  ask(context, stream, (Work){.kind = LAUNCH, .launch = *launch, .function = f, .host = values});
  RETURN(SUCCESS);
}
Result cuLaunchKernel(Function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, void *stream, void **parameters, void **extra) {
  Launch launch = {{gx, gy, gz}, {bx, by, bz}, shared, stream, NULL, 0};
  return cuLaunchKernelEx(&launch, f, parameters, extra);
}

Result cuGetErrorString(int e, const char **s) { (void)e; *s = "an error of the emulator"; return SUCCESS; }
Result cuGetErrorName(int e, const char **s) {
  static __thread char name[32];
  snprintf(name, sizeof name, "CUDA_ERROR_%d", e);
  *s = name;
  return SUCCESS;
}
Result cuGetExportTable(const void **table, const void *id) { (void)table, (void)id; return NOT_FOUND; }
Result cuGetProcAddress(const char *name, void **found, int version, uint64_t flags, int *status) {
  static void *self;
  (void)flags;
  Dl_info info;
  if (!self && dladdr((void *)cuInit, &info)) self = dlopen(info.dli_fname, RTLD_NOW);
  char newer[80];
  snprintf(newer, sizeof newer, "%s_v2", name);
  *found = version >= 13000 && !strcmp(name, "cuCtxGetDevice") ? dlsym(self, "cuCtxGetDevice")
                                                                : dlsym(self, name);
  if (status) *status = !*found;
  return *found ? SUCCESS : NOT_FOUND;
}
Result cuGetProcAddress_v2(const char *name, void **found, int version, uint64_t flags, int *status) {
  return cuGetProcAddress(name, found, version, flags, status);
}
