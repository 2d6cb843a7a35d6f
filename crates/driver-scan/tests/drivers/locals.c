// expect: Loc1 Loc2 Loc3
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
struct request { ULONG size, tag; PVOID result; };
static NOINLINE void fill(struct request *r, ULONG tag) { r->size = g_size; r->tag = tag; }
static NOINLINE void serve(struct request *r) { r->result = ExAllocatePoolWithTag(0, r->size, r->tag); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    struct request r = {0, 0, 0}, s = {path->Length, TAG('L', 'o', 'c', '2'), 0};
    volatile ULONG tag = TAG('L', 'o', 'c', '3');
    g_size = path->Length;
    fill(&r, TAG('L', 'o', 'c', '1'));
    serve(&r);
    serve(&s);
    g[0] = r.result; g[1] = s.result;
    g[2] = ExAllocatePoolWithTag(1, g_size, tag);
    return 0;
}
