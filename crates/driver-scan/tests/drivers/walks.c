// expect: Gl01 Gl02 Gl03 Gl04 Gl05 Gl06 Gl07 Gl08 Gl10 Gl11 Gl12
// Globals: structures, arrays, pointer to structure, bss set in init, table of descriptors walked in a loop without a known end.
#include "driver.h"
typedef struct { const USHORT *name; ULONG size; ULONG tag; PVOID out; } DESC;
static DESC table[] = { { 0, 16, TAG('G','l','0','1') }, { 0, 32, TAG('G','l','0','2') }, { 0, 48, TAG('G','l','0','3') }, { 0, 0, 0 } };
static const struct { UCHAR kind; ULONG tag; } consts[] = { { 1, TAG('G','l','0','4') }, { 2, TAG('G','l','0','5') }, { 3, TAG('G','l','0','6') } };
static struct { char pad[0x200]; ULONG tag; } big; static ULONG bss_tag; static ULONG *ptr_tag = &bss_tag;
static ULONG chosen = TAG('G','l','1','1');
volatile ULONG g_size = 5;
NOINLINE void init(ULONG k) { big.tag = TAG('G','l','0','7'); bss_tag = TAG('G','l','0','8'); if (k == 3) chosen = TAG('G','l','1','2'); }
NOINLINE void loop(void) { for (DESC *d = table; d->size; d++) d->out = ExAllocatePoolWithTag(1, d->size, d->tag); }
NOINLINE void loop2(ULONG kind) { for (ULONG i = 0; i < 3; i++) if (consts[i].kind == kind) ExAllocatePoolWithTag(1, 7, consts[i].tag); }
NOINLINE PVOID third(void) { return ExAllocatePoolWithTag(0, 3, big.tag); }
NOINLINE PVOID fourth(void) { return ExAllocatePoolWithTag(0, 3, *ptr_tag); }
NOINLINE PVOID cond(ULONG t) { return ExAllocatePoolWithTag(0, 3, t ? t : chosen); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { init(g_size); loop(); loop2(g_size); third(); fourth(); cond(g_size ? TAG('G','l','1','0') : 0); return 0; }
