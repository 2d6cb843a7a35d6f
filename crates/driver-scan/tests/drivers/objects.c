// expect: Df01 Df02
// decoy: DfM1 DfM2 DfM3 DfM4
// The tag of a device extension comes from the registry; signatures of other objects stand at the same offset.
#include "driver.h"
IMPORT NTSTATUS API IoCreateDevice(PVOID, ULONG, PVOID, ULONG, ULONG, int, PVOID *);
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { ULONG sig, size; ULONG pad[2]; ULONG tag; ULONG x; PVOID p; } EXT; typedef struct { char pad[0x40]; EXT *ext; } DEV; typedef struct { ULONG a[4]; ULONG sig; ULONG b; } OTHER; typedef struct { ULONG z[4]; ULONG magic; } MORE;
NOINLINE void other(OTHER *o) { o->sig = TAG('D','f','M','1'); o->b = 0; }
NOINLINE int more(MORE *m) { m->magic = TAG('D','f','M','2'); return m->z[1]; }
static NTSTATUS API rd(DEV *d, PVOID irp) { EXT *e = d->ext; e->p = ExAllocatePoolWithTag(0, e->size, e->tag); return 0; }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) { g_size = path->Length; DEV *d; ULONG got; if (IoCreateDevice(driver, sizeof(EXT), 0, 0, 0, 0, (PVOID *)&d) < 0) return -1; d->ext->sig = TAG('D','f','M','3'); if (ZwQueryValueKey(0, 0, 2, &d->ext->tag, 4, &got) < 0) return -1; OTHER *o = ExAllocatePoolWithTag(0, sizeof *o, TAG('D','f','0','1')); other(o); MORE *m = ExAllocatePoolWithTag(0, sizeof *m, TAG('D','f','0','2')); more(m); ((PVOID *)driver)[14] = rd; if (d->ext->sig == TAG('D','f','M','4')) return 1; return 0; }
