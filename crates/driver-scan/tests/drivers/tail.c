// expect: Tai1 Tai2
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
typedef PVOID(API *CALLBACK)(SIZE_T);
static NOINLINE PVOID API last(SIZE_T size) { return ExAllocatePoolWithTag(1, size, TAG('T', 'a', 'i', '1')); }
static NOINLINE PVOID API pass(SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(1, size, tag); }
static NOINLINE PVOID API other(SIZE_T size) { return pass(size, TAG('T', 'a', 'i', '2')); }
CALLBACK volatile g_callbacks[2];
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g_callbacks[0] = last;
    g_callbacks[1] = other;
    return 0;
}
