// expect: Vt01 Vt02 Vt03 Vt04
// decoy: VtSg
// Objects with a table of methods; their tag is a parameter of the constructor.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef struct O O; typedef struct { PVOID (*alloc)(O *, SIZE_T); void (*free)(O *, PVOID); ULONG (*check)(O *); } V;
struct O { const V *v; ULONG sig; ULONG tag; ULONG count; };
static PVOID al(O *o, SIZE_T n) { o->count++; return ExAllocatePoolWithTag(0, n, o->tag); }
static void fr(O *o, PVOID p) { o->count--; ExFreePoolWithTag(p, o->tag); }
static ULONG ck(O *o) { return o->sig == TAG('V','t','S','g'); }
static PVOID al2(O *o, SIZE_T n) { if (!n) return 0; return ExAllocatePoolWithTag(1, n + 8, o->tag); }
static const V v1 = { al, fr, ck }, v2 = { al2, fr, ck };
NOINLINE void ctor(O *o, const V *v, ULONG tag) { o->v = v; o->sig = TAG('V','t','S','g'); o->tag = tag; o->count = 0; }
NOINLINE O *mk(const V *v, ULONG tag) { O *o = ExAllocatePoolWithTag(0, sizeof *o, TAG('V','t','0','1')); if (o) ctor(o, v, tag); return o; }
NOINLINE PVOID use(O *o, SIZE_T n) { if (!o->v->check(o)) return 0; return o->v->alloc(o, n); }
O *g_o; 
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; O *a = mk(&v1, TAG('V','t','0','2')); O *b = mk(&v2, TAG('V','t','0','3')); g_o = mk(&v1, TAG('V','t','0','4')); if (a) g_out = use(a, 8); if (b) g_out = use(b, g_size); return 0; }
