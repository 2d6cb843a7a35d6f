// expect: Ctx1 Ctx2 Ctx3
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
struct device { ULONG pad[7], tag; struct { ULONG tag; ULONG size; } pools[2]; };
struct device *g_device;
static NOINLINE PVOID get(SIZE_T size) { return ExAllocatePoolWithTag(0, size, g_device->tag); }
static NOINLINE PVOID pool(struct device *d, int i) { return ExAllocatePoolWithTag(0, d->pools[i].size, d->pools[i].tag); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    static struct device device;
    g_size = path->Length;
    device.pools[0].tag = TAG('C', 't', 'x', '2'); device.pools[0].size = g_size;
    device.pools[1].tag = TAG('C', 't', 'x', '3'); device.pools[1].size = 8;
    device.tag = TAG('C', 't', 'x', '1');
    g_device = &device;
    g[0] = get(g_size);
    g[1] = pool(&device, 0);
    g[2] = pool(&device, 1);
    return 0;
}
