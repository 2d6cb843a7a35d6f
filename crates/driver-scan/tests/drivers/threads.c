// expect: Th01 Th02 Th03 Th04 Th05
// decoy: ThSg ThS2
// Contexts of threads and work items, filled by functions that are passed the tag, beside a signature.
#include "driver.h"
IMPORT NTSTATUS API PsCreateSystemThread(PVOID *, ULONG, PVOID, PVOID, PVOID, PVOID, PVOID);
IMPORT PVOID API IoAllocateWorkItem(PVOID);
IMPORT void API IoQueueWorkItem(PVOID, PVOID, int, PVOID);
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { ULONG magic; PVOID p; ULONG size; ULONG tag; } CTX;
typedef struct { ULONG magic, n; ULONG tag; ULONG pool; } WCTX;
static void API worker(PVOID c) { CTX *x = c; if (x->magic != TAG('T','h','S','g')) return; x->p = ExAllocatePoolWithTag(0, x->size, x->tag); }
static void API work(PVOID d, PVOID c) { WCTX *x = c; if (x->magic == TAG('T','h','S','2')) g_out = ExAllocatePoolWithTag(x->pool, x->n, x->tag); }
NOINLINE void init(CTX *c, ULONG tag, ULONG size) { c->magic = TAG('T','h','S','g'); c->size = size; c->tag = tag; }
NOINLINE NTSTATUS start(ULONG tag) { PVOID h; CTX *c = ExAllocatePoolWithTag(0, sizeof *c, TAG('T','h','0','1')); if (!c) return -1; init(c, tag, 99); return PsCreateSystemThread(&h, 0, 0, 0, 0, worker, c); }
NOINLINE void queue(PVOID d, ULONG tag) { WCTX *w = ExAllocatePoolWithTag(0, sizeof *w, TAG('T','h','0','2')); if (!w) return; w->magic = TAG('T','h','S','2'); w->n = 12; w->tag = tag; w->pool = 1; IoQueueWorkItem(IoAllocateWorkItem(d), work, 1, w); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; start(TAG('T','h','0','3')); start(TAG('T','h','0','4')); queue(driver, TAG('T','h','0','5')); return 0; }
