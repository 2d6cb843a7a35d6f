// expect: Sto1
// decoy: Sto2
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    StorPortExtendedFunction(0, driver, g_size, TAG('S', 't', 'o', '1'), &g[0]);
    StorPortExtendedFunction(14, driver, g_size, TAG('S', 't', 'o', '2'), &g[1]);
    return 0;
}
