// expect: P2a1 P3b2 P2c3
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g[0] = ExAllocatePool2(0x40, g_size, TAG('P', '2', 'a', '1'));
    g[1] = ExAllocatePool3(0x100, g_size, TAG('P', '3', 'b', '2'), 0, 0);
    g[2] = ExAllocatePool2(0x100ULL << 32 | 2, 16, TAG('P', '2', 'c', '3'));
    return 0;
}
