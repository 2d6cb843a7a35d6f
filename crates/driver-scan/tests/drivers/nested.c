// expect: Nst1 Nst2 Nst3
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
ULONG g_default_tag;
static NOINLINE PVOID inner(ULONG tag, SIZE_T size) { return g_size ? ExAllocatePoolWithTag(0, size, tag) : 0; }
static NOINLINE PVOID middle(SIZE_T size, int zero, ULONG tag) { UCHAR *p = inner(tag, size + 8); if (p && zero) p[0] = 0; return p; }
static NOINLINE PVOID outer(ULONG tag, SIZE_T size) { if (g_default_tag) tag = g_default_tag; return middle(size, 1, tag); }
static NOINLINE PVOID many(int a, int b, int c, int d, int e, ULONG tag) { return outer(tag, a + b + c + d + e); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g[0] = outer(TAG('N', 's', 't', '1'), g_size);
    g_default_tag = TAG('N', 's', 't', '2');
    g[1] = many(1, g_size, 3, g_size, 5, TAG('N', 's', 't', '3'));
    return 0;
}
