// expect: Lo00 Lo01 Lo02 Lo03 Lo04 Lp00 Lp01 Lp02 Lq01 Lq02 Lq03 Nf01 Nf02 Nf03
// decoy: Lo05 Lp03 Nf00 Nf04 NfZZ
// Tags counted up beside an index, which alone ends the loop.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out; PVOID g[64];
static const char *names[] = { "Lq01", "Lq02", "Lq03" };
NOINLINE void l1(void) { for (int i = 0; i < 5; i++) g[i] = ExAllocatePoolWithTag(0, 8 * i + 8, TAG('L','o','0','0') + (i << 24)); }
NOINLINE void l2(void) { ULONG t = TAG('L','p','0','0'); for (int i = 0; i < 3; i++, t += 0x1000000) g[i] = ExAllocatePoolWithTag(0, g_size, t); }
NOINLINE void l3(void) { for (int i = 0; i < 3; i++) g[i] = ExAllocatePoolWithTag(0, g_size, *(ULONG *)names[i]); }
NOINLINE void upto(ULONG n) { for (ULONG i = 0; i < n && i < 64; i++) g[i] = ExAllocatePoolWithTag(0, i * 8, TAG('N','f','0','1')); }
NOINLINE void two(ULONG n) { ULONG t = TAG('N','f','0','2'); for (ULONG i = 0; i < 2; i++) { g[i] = ExAllocatePoolWithTag(0, n, t); t += 1 << 24; } g_size = t; }
NOINLINE ULONG crc(ULONG c) { for (int k = 0; k < 32; k++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1; return c; }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; l1(); l2(); l3(); upto(g_size); two(g_size); g_size = crc(TAG('N','f','Z','Z')); return 0; }
