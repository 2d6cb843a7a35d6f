// expect: Ptr1 Ptr2 Ptr3
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
struct ops { void *context; ALLOCATE allocate; };
static NOINLINE PVOID API own(int type, SIZE_T size, ULONG tag) { return g_size ? ExAllocatePoolWithTag(type, size + 16, tag) : 0; }
static struct ops g_ops = {0, own};
struct ops g_late;
static NOINLINE PVOID with(ALLOCATE f, SIZE_T size) { return f(1, size, TAG('P', 't', 'r', '1')); }
static NOINLINE void use(void) { g[1] = g_ops.allocate(0, g_size, TAG('P', 't', 'r', '2')); g[2] = g_late.allocate(0, g_size, TAG('P', 't', 'r', '3')); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g[0] = with(ExAllocatePoolWithTag, g_size);
    g_late.allocate = ExAllocatePoolWithTag;
    use();
    return 0;
}
