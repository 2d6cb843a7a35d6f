// expect: Jm00 Jm01 Jm02 Jm03 Jm04 Jm05 Jm06
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
static NOINLINE PVOID make(ULONG kind, SIZE_T size) {
    switch (kind) {
    case 0: return ExAllocatePoolWithTag(0, size, TAG('J', 'm', '0', '0'));
    case 1: g_size++; return ExAllocatePoolWithTag(1, size * 2, TAG('J', 'm', '0', '1'));
    case 2: return ExAllocatePoolWithTag(512, 8, TAG('J', 'm', '0', '2'));
    case 3: g[3] = 0; return ExAllocatePoolWithTag(0, size + g_size, TAG('J', 'm', '0', '3'));
    case 4: return ExAllocatePoolWithTag(1, size ^ 7, TAG('J', 'm', '0', '4'));
    case 5: g_size = 2; return ExAllocatePoolWithTag(0, size & 63, TAG('J', 'm', '0', '5'));
    default: return ExAllocatePoolWithTag(0, 1, TAG('J', 'm', '0', '6'));
    }
}
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g[0] = make(g_size, g_size);
    return 0;
}
