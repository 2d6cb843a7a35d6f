// expect: By01 By02 By03 By04 By05 By06 By07 Bz01 Bz02 Bz03 Bz06
// decoy: Bk\x00\x00 B\x00\x00\x00
// Tags put together byte by byte, in loops and by functions; those that are known in part only are none.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef union { ULONG u; UCHAR b[4]; struct { USHORT lo, hi; } h; } T;
NOINLINE PVOID a1(void) { ULONG t = 0; t |= 'B'; t |= 'y' << 8; t |= '0' << 16; t |= '1' << 24; return ExAllocatePoolWithTag(0, g_size, t); }
NOINLINE PVOID a2(void) { T t; t.b[0] = 'B'; t.b[1] = 'y'; t.b[2] = '0'; t.b[3] = '2'; return ExAllocatePoolWithTag(0, g_size, t.u); }
NOINLINE PVOID a3(void) { T t; t.h.lo = 'B' | 'y' << 8; t.h.hi = '0' | '3' << 8; return ExAllocatePoolWithTag(0, g_size, t.u); }
NOINLINE PVOID a4(void) { const char *s = "By04"; ULONG t = 0; for (int i = 3; i >= 0; i--) t = t << 8 | (UCHAR)s[i]; return ExAllocatePoolWithTag(0, g_size, t); }
NOINLINE PVOID a5(void) { const char *s = "By05"; ULONG t = 0; for (int i = 0; i < 4; i++) t |= (ULONG)(UCHAR)s[i] << (8 * i); return ExAllocatePoolWithTag(0, g_size, t); }
NOINLINE PVOID a6(void) { T t; const char *s = "By06"; for (int i = 0; i < 4; i++) t.b[i] = s[i]; return ExAllocatePoolWithTag(0, g_size, t.u); }
NOINLINE PVOID a7(void) { T t; const char *s = "By07"; int i = 0; while (*s) t.b[i++] = *s++; return ExAllocatePoolWithTag(0, g_size, t.u); }
NOINLINE ULONG mk(UCHAR a, UCHAR b, UCHAR c, UCHAR d) { return a | b << 8 | c << 16 | (ULONG)d << 24; }
NOINLINE ULONG str(const char *s) { ULONG t = 0; int i; for (i = 0; i < 4 && s[i]; i++) t |= (ULONG)(UCHAR)s[i] << (i * 8); for (; i < 4; i++) t |= (ULONG)' ' << (i * 8); return t; }
NOINLINE void put(UCHAR *to, const char *s) { to[0] = s[0]; to[1] = s[1]; to[2] = s[2]; to[3] = s[3]; }
NOINLINE PVOID b1(void) { return ExAllocatePoolWithTag(0, g_size, mk('B','z','0','1')); }
NOINLINE PVOID b2(void) { return ExAllocatePoolWithTag(0, g_size, str("Bz02")); }
NOINLINE PVOID b3(void) { ULONG t; put((UCHAR *)&t, "Bz03"); return ExAllocatePoolWithTag(0, g_size, t); }
NOINLINE PVOID b6(int n) { ULONG t = TAG('B','z','0',0); t |= (ULONG)('0' + n) << 24; return ExAllocatePoolWithTag(0, g_size, t); }
NOINLINE PVOID c1(ULONG x) { ULONG t = 0; t |= 'B'; t |= 'k' << 8; t |= (x & 0xff) << 16; t |= ((x >> 8) & 0xff) << 24; return ExAllocatePoolWithTag(0, g_size, t); }
NOINLINE PVOID c2(UCHAR *p) { T t; t.u = 0; t.b[0] = 'B'; t.b[1] = 'k'; t.b[2] = p[0]; t.b[3] = p[1]; return ExAllocatePoolWithTag(0, g_size, t.u); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; g_out = a1(); g_out = a2(); g_out = a3(); g_out = a4(); g_out = a5(); g_out = a6(); g_out = a7(); g_out = b1(); g_out = b2(); g_out = b3(); g_out = b6(6); g_out = c1(g_size); g_out = c2((UCHAR *)path->Buffer); return 0; }
