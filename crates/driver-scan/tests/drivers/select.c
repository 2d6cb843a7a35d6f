// expect: Sel1 Sel2 Sel3 Sel4
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    ULONG tag = g_size > 40 ? TAG('S', 'e', 'l', '1') : TAG('S', 'e', 'l', '2');
    g[0] = ExAllocatePoolWithTag(0, g_size, tag);
    tag = TAG('S', 'e', 'l', '3');
    if (g_size & 1) tag = TAG('S', 'e', 'l', '4');
    g[1] = ExAllocatePoolWithTag(0, g_size + 1, tag);
    return 0;
}
