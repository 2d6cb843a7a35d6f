// expect: NdM1 NdP2 NdL3 NdB4
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
struct list_pool { UCHAR type, revision; USHORT size; UCHAR protocol, buffer; USHORT context; ULONG tag, data; };
struct buffer_pool { UCHAR type, revision; USHORT size; ULONG tag, data; };
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    struct list_pool list = {0x80, 1, sizeof list, 0, 1, 0, TAG('N', 'd', 'L', '3'), 0};
    struct buffer_pool buffer;
    g_size = path->Length;
    NdisAllocateMemoryWithTag(&g[0], g_size, TAG('N', 'd', 'M', '1'));
    g[1] = NdisAllocateMemoryWithTagPriority(driver, g_size, TAG('N', 'd', 'P', '2'), 16);
    g[2] = NdisAllocateNetBufferListPool(driver, &list);
    buffer.type = 0x80; buffer.revision = 1; buffer.size = sizeof buffer; buffer.tag = TAG('N', 'd', 'B', '4'); buffer.data = g_size;
    g[3] = NdisAllocateNetBufferPool(driver, &buffer);
    return 0;
}
