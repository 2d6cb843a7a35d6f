// expect: Ca01 Ca02 Ca03 Ca04 Ca05 Ca06 Ca07 Ca08 Ca09 Ca10
// Tags made by arithmetic at run time from constants hidden from the optimiser, 8 and 16 byte stores, copies, shifts.
#include "driver.h"
volatile ULONG g_size = 5; volatile PVOID g_out;
#define HIDE(x) __asm__ volatile("" : "+r"(x))
typedef struct { PVOID p; ULONG size; ULONG tag; } PAIR;
typedef struct { ULONG a, b, tag, d; ULONG e[12]; } WIDE;
NOINLINE PVOID usepair(PAIR *p) { return ExAllocatePoolWithTag(0, p->size, p->tag); }
NOINLINE PVOID usewide(WIDE *p) { return ExAllocatePoolWithTag(0, p->a, p->tag); }
static const WIDE init = { 1, 2, TAG('C','a','0','7'), 4 };
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    ULONG x = TAG('C','a','0','1') ^ 0x55aa55aa; HIDE(x); g_out = ExAllocatePoolWithTag(0, 1, x ^ 0x55aa55aa);
    x = TAG('C','a','0','0'); HIDE(x); g_out = ExAllocatePoolWithTag(0, 1, x | 0x02000000);
    x = 'C' | 'a' << 8; HIDE(x); ULONG y = '0' | '3' << 8; HIDE(y); g_out = ExAllocatePoolWithTag(0, 1, x | y << 16);
    x = TAG('4','0','a','C'); HIDE(x); g_out = ExAllocatePoolWithTag(0, 1, __builtin_bswap32(x));
    x = ~TAG('C','a','0','5'); HIDE(x); g_out = ExAllocatePoolWithTag(0, 1, ~x);
    PAIR p = { 0, 64, TAG('C','a','0','6') }; usepair(&p);
    WIDE w = init; usewide(&w); g_out = &w;
    UCHAR b[4]; b[0] = 'C'; b[1] = 'a'; b[2] = '0'; b[3] = '8'; g_out = b; g_out = ExAllocatePoolWithTag(0, 1, *(ULONG *)b);
    x = TAG('0','9','C','a'); HIDE(x); g_out = ExAllocatePoolWithTag(0, 1, x >> 16 | x << 16);
    x = TAG('C','a','1','0') - 0x1000; HIDE(x); x += 0x1000; g_out = ExAllocatePoolWithTag(0, 1, x);
    return 0; }
