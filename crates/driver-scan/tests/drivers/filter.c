// expect: FlA1 FlC2 FlC3
// decoy: FlD4
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
struct context { USHORT type, flags; PVOID cleanup; SIZE_T size; ULONG tag; PVOID allocate, release, reserved; };
struct registration { USHORT size, version; ULONG flags; const struct context *contexts; PVOID rest[16]; };
IMPORT NTSTATUS API FltRegisterFilter(PVOID, const struct registration *, PVOID *);
IMPORT PVOID API FltAllocatePoolAlignedWithTag(PVOID, int, SIZE_T, ULONG);
static const struct context contexts[] = {
    {1, 0, 0, 64, TAG('F', 'l', 'C', '2')}, {8, 0, 0, 32, TAG('F', 'l', 'C', '3')}, {0xffff}, {2, 0, 0, 8, TAG('F', 'l', 'D', '4')}};
static const struct registration registration = {sizeof registration, 0x203, 0, contexts};
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g[0] = FltAllocatePoolAlignedWithTag(driver, 0, g_size, TAG('F', 'l', 'A', '1'));
    return FltRegisterFilter(driver, &registration, &g[1]);
}
