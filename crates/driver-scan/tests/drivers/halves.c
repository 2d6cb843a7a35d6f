// expect: R801 R802 R805
// Structures of eight and sixteen bytes that are returned and passed in registers.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { ULONG tag; ULONG size; } S; typedef struct { ULONG size; ULONG tag; } Q; typedef struct { ULONG64 n; ULONG tag; ULONG pool; } B;
NOINLINE S mk(ULONG n) { S s = { TAG('R','8','0','1'), n }; return s; }
NOINLINE Q mq(ULONG n) { Q s = { n, TAG('R','8','0','2') }; return s; }
NOINLINE B mb(ULONG n) { B s = { n, TAG('R','8','0','5'), 1 }; return s; }
NOINLINE PVOID us(S s) { return ExAllocatePoolWithTag(0, s.size, s.tag); } NOINLINE PVOID uq(Q s) { return ExAllocatePoolWithTag(0, s.size, s.tag); } NOINLINE PVOID ub(B s) { return ExAllocatePoolWithTag(s.pool, s.n, s.tag); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; g_out = us(mk(g_size)); g_out = uq(mq(g_size)); g_out = ub(mb(g_size)); return 0; }
