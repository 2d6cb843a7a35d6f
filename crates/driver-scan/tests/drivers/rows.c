// expect: Ne01 Ne02 Ne03 Ne04 Ne05
// A table that is walked to an end which only the caller knows.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { ULONG64 flags; SIZE_T n; ULONG tag; } DESC;
NOINLINE PVOID one(const DESC *d) { return ExAllocatePool2(d->flags, d->n, d->tag); }
NOINLINE void each(const DESC *d, int n, PVOID *out) { for (int i = 0; i < n; i++) out[i] = one(&d[i]); }
static const DESC t[] = { { 0x40, 8, TAG('N','e','0','1') }, { 0x80, 16, TAG('N','e','0','2') }, { 0x42, 9, TAG('N','e','0','3') } };
NOINLINE PVOID many(int a, int b, int c, int d, int e, int f, int g, int h, ULONG tag) { return ExAllocatePool3(a, b + c + d + e + f + g + h, tag, 0, 0); }
NOINLINE PVOID mid(ULONG tag, int x) { return many(x, 1, 2, 3, 4, 5, 6, 7, tag); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; PVOID o[3]; g_size = path->Length; each(t, 3, o); g_out = o; g_out = mid(TAG('N','e','0','4'), 1); g_out = mid(TAG('N','e','0','5'), g_size); return 0; }
