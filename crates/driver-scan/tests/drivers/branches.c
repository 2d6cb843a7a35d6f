// expect: Br01 Br02 Br03 Br04 Br05 Br06 Br07 Br08 Br09 Br10 Br11 Br12 Br13
// decoy: BrXX BrYY
// Hoisted constants, nonvolatile registers over loops and calls, switches, conditional choice, error paths, recursion.
#include "driver.h"
volatile ULONG g_size = 5; volatile PVOID g_out; IMPORT void API KeSetEvent(PVOID, int, UCHAR);
NOINLINE ULONG pick(ULONG k) { switch (k) { case 0: return TAG('B','r','0','1'); case 1: return TAG('B','r','0','2'); case 2: return TAG('B','r','0','3'); case 7: return TAG('B','r','0','4'); default: return TAG('B','r','0','5'); } }
NOINLINE void many(ULONG n, PVOID *out) { for (ULONG i = 0; i < n; i++) { KeSetEvent(out, 0, 0); out[i] = ExAllocatePoolWithTag(0, 10 * i, TAG('B','r','0','6')); if (!out[i]) { while (i--) ExFreePoolWithTag(out[i], TAG('B','r','0','6')); return; } KeSetEvent(out[i], 1, 1); } }
NOINLINE PVOID sel(ULONG k, ULONG n) { ULONG t = TAG('B','r','0','7'); int pool = 0; if (k & 1) { t = TAG('B','r','0','8'); pool = 1; KeSetEvent(&t, 0, 0); } if (n > 0x1000) { if (n > 0x100000) return 0; t = TAG('B','r','0','9'); } g_out = ExAllocatePoolWithTag(pool, n, t); if (!g_out && (k & 2)) g_out = ExAllocatePoolWithTag(1, n / 2, t); return g_out; }
NOINLINE PVOID rec(ULONG d, ULONG t) { PVOID p = ExAllocatePoolWithTag(0, d, t); if (d) rec(d - 1, t); return p; }
NOINLINE NTSTATUS outp(ULONG *t, ULONG k) { if (k > 9) return -1; *t = k ? TAG('B','r','1','1') : TAG('B','r','1','2'); return 0; }
NOINLINE void big(ULONG k) { switch (k) { case 1: g_out = 0; break; case 2: KeSetEvent(&k, 1, 0); break; case 3: g_out = &k; break; case 4: g_out = ExAllocatePoolWithTag(0, k, TAG('B','r','1','3')); break; case 5: KeSetEvent(&k, 2, 0); break; case 6: g_size = TAG('B','r','X','X'); break; case 9: KeSetEvent(&k, TAG('B','r','Y','Y'), 1); } }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { PVOID out[8]; ULONG t; g_out = ExAllocatePoolWithTag(0, 5, pick(g_size)); many(8, out); sel(g_size, g_size); rec(g_size, TAG('B','r','1','0')); if (!outp(&t, g_size)) g_out = ExAllocatePoolWithTag(0, 7, t); big(g_size); return 0; }
