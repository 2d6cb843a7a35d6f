// expect: Rv01 Rv02 Rv03
// decoy: RvLg RvEv RvCm
// Two families of objects with virtual methods of one shape: one allocates, the other keeps a log. Allocators are handed
// on, the log is reached through a global.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;

typedef struct OBJECT OBJECT;
typedef struct { void (*drop)(OBJECT *); PVOID (*get)(OBJECT *, SIZE_T, ULONG); PVOID (*more)(OBJECT *, SIZE_T, ULONG); } METHODS;
struct OBJECT { const METHODS *methods; ULONG count, last; UCHAR ring[64]; };

static NOINLINE void drop(OBJECT *o) { o->count = 0; }
static NOINLINE PVOID pool_get(OBJECT *o, SIZE_T size, ULONG tag) { o->count++; return ExAllocatePoolWithTag(1, size, tag); }
static NOINLINE PVOID pool_more(OBJECT *o, SIZE_T size, ULONG tag) { o->count += 2; return ExAllocatePoolWithTag(0, size * 2, tag); }
static NOINLINE PVOID log_reserve(OBJECT *o, SIZE_T size, ULONG id) { o->last = id; return size < sizeof o->ring ? o->ring : 0; }
static NOINLINE PVOID log_write(OBJECT *o, SIZE_T size, ULONG id) { if (o->last == id) o->count += (ULONG)size; return o->ring; }
static const METHODS g_pool = {drop, pool_get, pool_more}, g_log_methods = {drop, log_reserve, log_write};

OBJECT g_heap, g_ring; OBJECT *g_log;
NOINLINE void start(void) { g_heap.methods = &g_pool; g_ring.methods = &g_log_methods; g_log = &g_ring; }
NOINLINE PVOID open(OBJECT *heap, SIZE_T size) {
    PVOID one = heap->methods->get(heap, size, TAG('R', 'v', '0', '1'));
    if (!one) { g_out = g_log->methods->get(g_log, size, TAG('R', 'v', 'L', 'g')); return 0; }
    heap->count += g_size;
    return heap->methods->more(heap, size, TAG('R', 'v', '0', '2'));
}
NOINLINE PVOID note(SIZE_T size) {
    PVOID at = g_log->methods->more(g_log, size, TAG('R', 'v', 'E', 'v'));
    if (at) g_size++;
    return at ? at : g_log->methods->get(g_log, 1, TAG('R', 'v', 'C', 'm'));
}
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    start();
    g_out = open(&g_heap, g_size); g_out = note(g_size);
    g_out = ExAllocatePoolWithTag(0, 8, TAG('R', 'v', '0', '3'));
    return 0;
}
