// expect: Pa01 Pb01
// decoy: P\x00\x00\x00 Pb\x00\x00 PQ\x00\x00 PR\x00\x00 PS\x00\x00
// Bytes and halves written over a parameter: the rest of the tag is the caller's.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef union { ULONG u; UCHAR b[4]; USHORT h[2]; } T;
NOINLINE PVOID a1(ULONG x) { T t; t.u = x; t.b[0] = 'P'; return ExAllocatePoolWithTag(0, g_size, t.u); }
NOINLINE PVOID a2(ULONG size, ULONG x) { T t; t.u = x; t.b[0] = 'P'; g_out = ExAllocatePoolWithTag(0, size, t.u); t.b[1] = 'b'; return ExAllocatePoolWithTag(0, size, t.u); }
NOINLINE PVOID a3(ULONG x) { return ExAllocatePoolWithTag(0, g_size, (x & 0xffffff00) | 'P'); }
NOINLINE PVOID a4(ULONG x) { T t; t.u = x; t.h[0] = 'P' | 'Q' << 8; return ExAllocatePoolWithTag(0, g_size, t.u); }
NOINLINE PVOID a5(ULONG x) { T t; t.u = x; t.b[0] = 'P'; t.b[1] = 'R'; return ExAllocatePoolWithTag(0, g_size, t.u); }
NOINLINE PVOID a6(ULONG x) { return ExAllocatePoolWithTag(0, g_size, (x & 0xffff0000) | 'P' | 'S' << 8); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g_out = a1(g_size * 7);
    g_out = a2(g_size, *(ULONG *)path->Buffer);
    g_out = a3(*(ULONG *)path->Buffer);
    g_out = a4(*(ULONG *)path->Buffer);
    g_out = a5(*(ULONG *)path->Buffer);
    g_out = a6(*(ULONG *)path->Buffer);
    g_out = ExAllocatePoolWithTag(0, g_size, TAG('P', 'a', '0', '1'));
    g_out = ExAllocatePoolWithTag(0, g_size, TAG('P', 'b', '0', '1'));
    return 0;
}
