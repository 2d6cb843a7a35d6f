// expect: A\x00\x00\x00 12\x00\x00 \x00\x00xy \xff\xfe\xfd\x7f
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g[0] = ExAllocatePoolWithTag(0, g_size, 'A');
    g[1] = ExAllocatePoolWithTag(64, g_size, 0x3231);
    g[2] = ExAllocatePoolWithTag(2, g_size, 0x79780000);
    g[3] = ExAllocatePoolWithTag(3, g_size, 0x7ffdfeff);
    return 0;
}
