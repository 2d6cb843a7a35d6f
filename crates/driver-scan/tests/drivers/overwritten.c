// expect: Fl01 Fl02 Fl03 Fl04 Fl05 Fl06 Fl07 Fl08 Nh01 Nh02
// decoy: FlX1 FlX2 NhD1 NhD2 NhD3
// A callee replaces what a local held at first; constants are passed to routines that allocate nothing.
#include "driver.h"
IMPORT NTSTATUS API ZwClose(PVOID);
volatile ULONG g_size; volatile PVOID g_out;
NOINLINE PVOID f1(ULONG k) { ULONG t = k & 1 ? TAG('F','l','0','1') : TAG('F','l','0','2'); g_size += TAG('F','l','X','1'); return ExAllocatePoolWithTag(0, k, t); }
NOINLINE ULONG pick(ULONG k) { if (k == 1) return TAG('F','l','0','3'); if (k == 2) return TAG('F','l','0','4'); return TAG('F','l','0','5'); }
NOINLINE PVOID f2(ULONG k) { return ExAllocatePoolWithTag(0, k, pick(k)); }
NOINLINE PVOID f3(ULONG k) { ULONG t; if (k > 5) { t = TAG('F','l','0','6'); g_size = 1; } else { t = TAG('F','l','0','7'); ZwClose(0); } ZwClose(g_out); return ExAllocatePoolWithTag(0, k, t); }
NOINLINE ULONG get(ULONG *out, ULONG k) { *out = TAG('F','l','0','8'); return k + 1; }
NOINLINE PVOID f4(ULONG k) { ULONG t = TAG('F','l','X','2'); k = get(&t, k); return ExAllocatePoolWithTag(0, k, t); }
NOINLINE void set(ULONG *t, ULONG *n) { *t = TAG('N','h','0','1'); *n = g_size; }
NOINLINE int log3(const char *f, ULONG a, ULONG b) { g_size += a ^ b; return f[0]; }
NOINLINE PVOID a(void) { ULONG t = TAG('N','h','D','1'), n = 3; set(&t, &n); log3("NhD2", TAG('N','h','D','2'), n); return ExAllocatePoolWithTag(0, n, t); }
NOINLINE PVOID b(ULONG k) { ULONG t = TAG('N','h','0','2'); log3("x", TAG('N','h','D','3'), t); return ExAllocatePoolWithTag(0, k, t); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; f1(g_size); f2(g_size); f3(g_size); f4(g_size); g_out = a(); g_out = b(g_size); return 0; }
