// expect: Hsh1 Hsh2 Hsh3
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
static NOINLINE ULONG make(ULONG n) { return TAG('H', 's', 'h', '0') + (n << 24); }
static NOINLINE ULONG fixed(void) { return TAG('H', 's', 'h', '2'); }
static NOINLINE PVOID typed(ULONG kind, SIZE_T size) { return ExAllocatePoolWithTag(0, size, TAG('H', 's', 'h', '0') | kind << 24); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g[0] = ExAllocatePoolWithTag(0, g_size, make(1));
    g[1] = ExAllocatePoolWithTag(0, g_size, fixed());
    g[2] = typed(3, g_size);
    return 0;
}
