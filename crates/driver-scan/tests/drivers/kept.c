// expect: Wr01 Wr02 Wr03 Wr04 Wr05 Wr06 Wr07 Wr08 Dg01 Gl01
// decoy: WrXX WrX2 DgM1 DgM2 DgM3 DgM4 DgLg DgRf
// Wrappers whose callees leave registers alone that others may change; a tag passed to a global.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out; ULONG g_last, g_state, g_tag;
NOINLINE PVOID w1(SIZE_T n, ULONG t) { return ExAllocatePoolWithTag(0, n, t); }
NOINLINE PVOID w2(ULONG t, SIZE_T n) { return w1(n + 8, t); }
NOINLINE PVOID w3(const char *f, int line, ULONG t, SIZE_T n) { if (n > 4096) return 0; return w2(t, n); }
NOINLINE PVOID w4(ULONG a, ULONG b, ULONG c, ULONG d, ULONG e, ULONG t) { g_size += a + b + c + d + e; return w3("f", 1, t, a); }
NOINLINE void note(SIZE_T n, ULONG t) { g_size = n ^ t; }
NOINLINE PVOID w5(ULONG64 fl, SIZE_T n, ULONG t) { PVOID p = ExAllocatePool2(fl | 0x40, n, t); if (p) return p; return ExAllocatePool3(fl, n, t, 0, 0); }
NOINLINE PVOID w6(SIZE_T n, ULONG t, int zero) { PVOID p = w1(n, t); if (p && zero) memset(p, 0, n); return p; }
NOINLINE NTSTATUS w7(PVOID *out, SIZE_T n, ULONG t) { *out = w6(n, t, 1); return *out ? 0 : -1; }
NOINLINE void lg(ULONG t, const char *s) { g_last = t; g_out = (PVOID)s; }
NOINLINE ULONG ha(ULONG t) { return (t * 0x9e3779b1u) >> 7; }
NOINLINE PVOID al(ULONG t, SIZE_T n) { lg(TAG('D','g','L','g'), "x"); g_state = TAG('D','g','M','1'); PVOID p = ExAllocatePoolWithTag(0, n, t); if (p) *(ULONG *)p = TAG('D','g','M','2'); g_state = TAG('D','g','M','3'); return p; }
NOINLINE PVOID alh(SIZE_T n) { return (PVOID)(SIZE_T)ha(TAG('D','g','M','4') + n); }
NOINLINE void keep(ULONG t) { g_tag = t; }
static NTSTATUS API later(PVOID d, PVOID i) { g_out = ExAllocatePoolWithTag(0, g_size, g_tag); return 0; }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; g_out = w1(g_size, TAG('W','r','0','1')); g_out = w2(TAG('W','r','0','2'), 8); g_out = w3("W", 3, TAG('W','r','0','3'), g_size); g_out = w4(1, 2, 3, 4, 5, TAG('W','r','0','4')); note(g_size, TAG('W','r','X','X')); g_out = w5(0x80, g_size, TAG('W','r','0','5')); g_out = w5(1ull << 33, 9, TAG('W','r','0','6')); PVOID q; w7(&q, g_size, TAG('W','r','0','7')); g_out = w6(2, TAG('W','r','0','8'), 0); note(1, TAG('W','r','X','2')); keep(TAG('G','l','0','1')); ((PVOID *)driver)[14] = later; g_out = al(TAG('D','g','0','1'), g_size); g_out = alh(g_size); ObReferenceObjectByPointerWithTag(driver, 0, 0, 0, TAG('D','g','R','f')); return g_last != g_state; }
