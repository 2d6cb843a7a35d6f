// expect: Tru1
// decoy: Thr1 Fre2 Ref3 Txt4 Cmp5 Old6
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
const char *volatile g_text = "Thr1 Txt4";
ULONG g_unused = TAG('O', 'l', 'd', '6');
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    if (*(volatile ULONG *)driver == TAG('C', 'm', 'p', '5')) g_unused++;
    ObReferenceObjectByPointerWithTag(driver, 0, 0, 0, TAG('R', 'e', 'f', '3'));
    g[0] = ExAllocatePoolWithTag(0, g_size, TAG('T', 'r', 'u', '1'));
    ExFreePoolWithTag(g[1], TAG('F', 'r', 'e', '2'));
    return 0;
}
