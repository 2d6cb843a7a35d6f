// expect: LkN1 LkP2 LkX3
#include "driver.h"
volatile ULONG g_size; static UCHAR g[3][128] __attribute__((aligned(16)));
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    ExInitializeNPagedLookasideList(g[0], 0, 0, 512, g_size, TAG('L', 'k', 'N', '1'), 0);
    ExInitializePagedLookasideList(g[1], 0, 0, 0, g_size, TAG('L', 'k', 'P', '2'), 0);
    return ExInitializeLookasideListEx(g[2], 0, 0, 1, 0, g_size, TAG('L', 'k', 'X', '3'), 0);
}
