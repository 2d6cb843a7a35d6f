// expect: Ap01 Ap02 Ap03 Ap04 Ap05 Ap06 Ap07 Ap08 Ap09 Ap10 Ap11 Ap12 Ap13
// decoy: ApXX ApYY
// Other routines, resolved at run time and kept in a global table; CFG calls.
#include "driver.h"
volatile ULONG g_size = 5; volatile PVOID g_out;
IMPORT PVOID API ExAllocatePoolWithTagPriority(int, SIZE_T, ULONG, int); IMPORT PVOID API ExAllocatePoolWithQuotaTag(int, SIZE_T, ULONG);
IMPORT PVOID API MmAllocateMappingAddress(SIZE_T, ULONG); IMPORT PVOID API NdisAllocateGenericObject(PVOID, ULONG, USHORT); IMPORT void API IoInitializeRemoveLockEx(PVOID, ULONG, ULONG, ULONG, ULONG);
typedef PVOID(API *POOL2)(ULONG64, SIZE_T, ULONG); typedef void(API *FREE)(PVOID, ULONG);
static struct { POOL2 pool2; ALLOCATE old; FREE release; } api;
static ULONG lookaside[64], lookaside2[64], lookaside3[64];
static const USHORT name[] = u"ExAllocatePool2";
NOINLINE void resolve(void) { UNICODE_STRING s = { sizeof name - 2, sizeof name, name }; api.pool2 = MmGetSystemRoutineAddress(&s); RtlInitUnicodeString(&s, u"ExAllocatePoolWithTag"); api.old = MmGetSystemRoutineAddress(&s); }
NOINLINE PVOID wrapper(SIZE_T n, ULONG t) { if (api.pool2) return api.pool2(0x40, n, t); return api.old(0, n, t); }
static PVOID API lookalloc(int type, SIZE_T n, ULONG t) { return ExAllocatePoolWithTag(type, n, t); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    resolve(); g_out = wrapper(5, TAG('A','p','0','1')); g_out = ExAllocatePoolWithTagPriority(0, 9, TAG('A','p','0','2'), 16); g_out = ExAllocatePoolWithQuotaTag(9, 9, TAG('A','p','0','3'));
    ExInitializeNPagedLookasideList(lookaside, 0, 0, 0, 64, TAG('A','p','0','4'), 0); ExInitializePagedLookasideList(lookaside2, lookalloc, 0, 0x10, g_size, TAG('A','p','0','5'), 0);
    ExInitializeLookasideListEx(lookaside3, 0, 0, 512, 0, 100, TAG('A','p','0','6'), 0);
    g_out = MmAllocateMappingAddress(0x10000, TAG('A','p','0','7')); g_out = NdisAllocateGenericObject(driver, TAG('A','p','0','8'), 10);
    g_out = ExAllocatePool3(0x40, 10, TAG('A','p','0','9'), 0, 0); g_out = ExAllocatePool2(0x100, g_size, TAG('A','p','1','0'));
    PVOID p; if (NdisAllocateMemoryWithTag(&p, 10, TAG('A','p','1','1'))) return -1; g_out = NdisAllocateMemoryWithTagPriority(driver, 10, TAG('A','p','1','2'), 0);
    IoInitializeRemoveLockEx(lookaside, TAG('A','p','X','X'), 0, 0, 40); ObReferenceObjectByPointerWithTag(driver, 0, 0, 0, TAG('A','p','Y','Y'));
    StorPortExtendedFunction(0, driver, 10, TAG('A','p','1','3'), &p); StorPortExtendedFunction(3, driver, 10, TAG('A','p','Y','Y'), &p);
    return 0; }
