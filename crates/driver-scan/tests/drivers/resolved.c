// expect: Res1 Res2
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
static ALLOCATE g_allocate; static PVOID(API *g_pool2)(ULONG64, SIZE_T, ULONG);
static NOINLINE PVOID find(const USHORT *name) { UNICODE_STRING s; RtlInitUnicodeString(&s, name); return MmGetSystemRoutineAddress(&s); }
static NOINLINE PVOID use(SIZE_T size) { return g_allocate ? g_allocate(0, size, TAG('R', 'e', 's', '1')) : g_pool2(64, size, TAG('R', 'e', 's', '2')); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g_allocate = (ALLOCATE)find(u"ExAllocatePoolWithTag");
    *(PVOID *)&g_pool2 = find(u"ExAllocatePool2");
    g[0] = use(g_size);
    return 0;
}
