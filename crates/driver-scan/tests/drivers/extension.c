// expect: Ex01 Ex02 Ex08 Ex09
// decoy: ExSg
// Tags kept in a device extension: written where it is made, read by routines that only the kernel calls.
#include "driver.h"
IMPORT NTSTATUS API IoCreateDevice(PVOID, ULONG, PVOID, ULONG, ULONG, int, PVOID *);
typedef struct _EXT EXT;
struct _EXT { ULONG signature; PVOID self; ULONG size; ULONG tag; struct { ULONG a, tag; PVOID (*allocate)(EXT *, SIZE_T); } ops; };
typedef struct { char pad[0x40]; EXT *extension; } DEVICE;
typedef struct { PVOID a, b; PVOID major[28]; } DRIVER;
typedef struct { EXT *context; ULONG tag, size; } REQUEST;
static PVOID allocate(EXT *e, SIZE_T n) { return ExAllocatePoolWithTag(0, n, e->ops.tag); }
NOINLINE void setup(EXT *e) { e->signature = TAG('E','x','S','g'); e->tag = TAG('E','x','0','1'); e->ops.tag = TAG('E','x','0','2'); e->ops.allocate = allocate; }
NTSTATUS API reads(DEVICE *d, PVOID irp) { EXT *e = d->extension; e->self = ExAllocatePoolWithTag(0, e->size, e->tag); return e->self ? 0 : -1; }
NTSTATUS API writes(DEVICE *d, PVOID irp) { EXT *e = d->extension; e->self = e->ops.allocate(e, 77); return 0; }
NOINLINE static PVOID request(REQUEST *r) { return ExAllocatePoolWithTag(0, r->size, r->tag); }
NTSTATUS API works(DEVICE *d, PVOID c) { REQUEST r = { d->extension, TAG('E','x','0','8'), 9 }; REQUEST *p = c; request(&r); p->tag = TAG('E','x','0','9'); p->size = 8; request(p); return 0; }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    DRIVER *o = driver; DEVICE *d;
    if (IoCreateDevice(driver, sizeof(EXT), 0, 0, 0, 0, (PVOID *)&d) < 0) return -1;
    setup(d->extension);
    o->major[3] = reads; o->major[4] = writes; o->major[15] = works;
    return 0;
}
