// expect: Lp00 Lp01 Lp02 Lp03 Lp04 Lp05 Lp06 Lp07
#include "driver.h"
volatile ULONG g_size; PVOID g[8];
static const ULONG tags[8] = {TAG('L','p','0','0'), TAG('L','p','0','1'), TAG('L','p','0','2'), TAG('L','p','0','3'), TAG('L','p','0','4'), TAG('L','p','0','5'), TAG('L','p','0','6'), TAG('L','p','0','7')};
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    for (const ULONG *t = tags; t < tags + 8; t++) g[t - tags] = ExAllocatePoolWithTag(0, g_size, *t);
    return 0;
}
