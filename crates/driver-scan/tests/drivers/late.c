// expect: La01 La02 La03 La04
// decoy: LaSg
// An object whose address is kept in a global before its tag is stored in it, and one that is passed on together with the
// function that uses it, in registers where the compiler likes.
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
typedef PVOID (*TAKER)(CONTEXT *, SIZE_T);
static CONTEXT g_static = {TAG('L', 'a', '0', '4'), 1, 0, 4096};
static NOINLINE PVOID none(CONTEXT *context, SIZE_T size) { return size > 99 ? context : 0; }
static NOINLINE PVOID begin(TAKER taker, CONTEXT *context) {
    PVOID one = taker(context, 24);
    if (one) g_size++;
    return one;
}
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    if (start()) return 1;
    g_out = use(g_size);
    if (g_size == 1) g_out = begin(take, g_context);
    else if (g_size > 4) g_out = begin(take, &g_static);
    else g_out = begin(none, 0);
    return 0;
}
