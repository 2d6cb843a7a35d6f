// expect: La01 La02 La03
// decoy: LaSg
// An object whose address is kept in a global before its tag is stored in it.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { ULONG tag, signature; SIZE_T used, limit; } CONTEXT;
CONTEXT *g_context, *g_other;
NOINLINE PVOID take(CONTEXT *context, SIZE_T size) {
    if (context->used + size > context->limit) return 0;
    context->used += size;
    return ExAllocatePoolWithTag(1, size, context->tag);
}
NOINLINE PVOID use(SIZE_T size) { PVOID one = take(g_context, size); return one ? one : take(g_other, size + 1); }
NOINLINE NTSTATUS start(void) {
    g_context = ExAllocatePoolWithTag(0, sizeof *g_context, TAG('L', 'a', '0', '1'));
    if (!g_context) return 1;
    g_context->tag = TAG('L', 'a', '0', '2'); g_context->signature = TAG('L', 'a', 'S', 'g'); g_context->limit = g_size;
    g_other = ExAllocatePoolWithTag(0, sizeof *g_other * 2, TAG('L', 'a', '0', '1'));
    if (!g_other) { ExFreePoolWithTag(g_context, TAG('L', 'a', '0', '1')); return 2; }
    if (g_size > 8) g_other->used = 1;
    g_other->tag = TAG('L', 'a', '0', '3'); g_other->limit = g_size * 2;
    return 0;
}
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    if (start()) return 1;
    g_out = use(g_size);
    return 0;
}
