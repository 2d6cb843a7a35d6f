// expect: De01 De02 De03 De04
// decoy: DeNm
// A table of pointers to descriptors; which one is meant comes from a field that nothing bounds.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { USHORT size, most; ULONG name, tag; volatile ULONG *used; } DESCRIPTOR;
static volatile ULONG g_used[4];
static const DESCRIPTOR g_first = {64, 9, TAG('D', 'e', 'N', 'm'), TAG('D', 'e', '0', '1'), &g_used[0]},
                        g_second = {32, 8, 2, TAG('D', 'e', '0', '2'), &g_used[1]}, g_third = {16, 7, 3, TAG('D', 'e', '0', '3'), &g_used[2]},
                        g_fourth = {8, 6, 4, TAG('D', 'e', '0', '4'), &g_used[3]};
static const DESCRIPTOR *const g_kinds[] = {&g_first, &g_second, &g_third, &g_fourth};
typedef struct { PVOID block; UCHAR kind; } HOLDER;
NOINLINE PVOID make(ULONG kind) {
    const DESCRIPTOR *of = g_kinds[kind];
    if (*of->used >= of->most) return 0;
    ++*of->used;
    return ExAllocatePoolWithTag(1, of->size, of->tag);
}
NOINLINE void hold(HOLDER *holder) { holder->block = make(holder->kind); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    HOLDER holder = {0, (UCHAR)path->Length};
    g_size = path->Length;
    hold(&holder); g_out = holder.block; g_out = make(2);
    return 0;
}
