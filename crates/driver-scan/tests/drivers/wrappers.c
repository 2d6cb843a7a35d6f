// expect: Wr01 Wr02 Wr03 Wr04 Wr05 Wr06 Wr07 Wr08 Wr09 Wr10 Wr11 Wr12 Wr13 Wr14 Wr15 Wr51
// Wrappers: tag as 1st..6th parameter, wrapper of wrapper, through pointer, fastcall, forwarding structure, varargs, retry.
#include "driver.h"
#ifdef __i386__
#define FAST __attribute__((fastcall))
#else
#define FAST
#endif
volatile ULONG g_size = 5; volatile PVOID g_out;
NOINLINE PVOID w1(ULONG t, SIZE_T n) { PVOID p = ExAllocatePoolWithTag(0, n, t); if (p) memset(p, 0, n); return p; }
NOINLINE PVOID API w2(SIZE_T n, ULONG t) { PVOID p = 0; for (int i = 0; i < 3 && !p; i++) p = ExAllocatePoolWithTag(0, n + i, t); return p; }
NOINLINE PVOID FAST w3(SIZE_T n, ULONG t, ULONG x) { return ExAllocatePoolWithTag(x, n, t); }
NOINLINE PVOID w4(PVOID a, PVOID b, SIZE_T n, ULONG t) { g_out = a; return w1(t, n + (SIZE_T)b); }
NOINLINE PVOID API w5(PVOID a, PVOID b, PVOID c, SIZE_T n, ULONG t) { g_out = a; g_out = b; g_out = c; return w4(a, b, n, t); }
NOINLINE PVOID w6(PVOID a, PVOID b, PVOID c, PVOID d, SIZE_T n, ULONG t) { g_out = d; return w5(a, b, c, n, t); }
NOINLINE NTSTATUS w7(PVOID *out, SIZE_T n, UCHAR paged, ULONG t) { if (!out) return -1; *out = ExAllocatePoolWithTag(paged ? 1 : 512, n, t); return *out ? 0 : -2; }
NOINLINE PVOID w8(SIZE_T n, ULONG t) { if (t == 0) t = TAG('W','r','0','8'); PVOID p; w7(&p, n, 1, t); return p; }
typedef PVOID (*FN)(ULONG, SIZE_T);
static FN fn = w1; static const FN fns[2] = { w1, w1 };
typedef PVOID(API *FN2)(SIZE_T, ULONG);
NOINLINE PVOID w9(FN f, ULONG t) { return f(t, 4); }
NOINLINE PVOID w10(const char *file, int line, SIZE_T n, ULONG t) { PVOID p = ExAllocatePoolWithTag(0, n + 16, t); if (p) *(ULONG *)p = line; return p; }
NOINLINE PVOID w11(USHORT hi, USHORT lo) { return ExAllocatePoolWithTag(0, 16, (ULONG)hi << 16 | lo); }
NOINLINE PVOID w12(const char *t) { return ExAllocatePoolWithTag(0, 16, *(const ULONG *)t); }
NOINLINE PVOID w13(ULONG t) { return ExAllocatePoolWithTag(0, 16, __builtin_bswap32(t)); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    w1(TAG('W','r','0','1'), 3); w2(g_size, TAG('W','r','0','2')); w3(g_size, TAG('W','r','0','3'), 1); w4(driver, path, 5, TAG('W','r','0','4'));
    w5(driver, path, 0, g_size, TAG('W','r','0','5')); w6(driver, path, 0, driver, 8, TAG('W','r','0','6')); PVOID p; w7(&p, 9, g_size, TAG('W','r','0','7'));
    w8(g_size, 0); w8(2, g_size > 3 ? TAG('W','r','0','9') : TAG('W','r','1','0')); w9(g_size ? w1 : fn, TAG('W','r','1','1'));
    fns[g_size & 1](TAG('W','r','1','2'), 9); w10("file.c", 12, 40, TAG('W','r','1','3')); w11(0x3135, 0x7257); w12("Wr14"); w13(TAG(0x35,0x31,0x72,0x57)); return 0; }
