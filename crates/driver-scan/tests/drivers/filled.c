// expect: Fl01 Fl02 Fl03 Fl04 Fl05 Fl06 Fl07
// decoy: FlSg
// Globals that hold a tag: set through the address of their object, together with their neighbours, and by a copy; a call
// whose second tag becomes known after its first.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { PVOID data; ULONG count; ULONG tag; } OBJ;
typedef struct { ULONG signature, version, tag, more; ULONG rest[24]; } CFG;
typedef struct { ULONG type, x, y, z; ULONG tag; } NODE;
OBJ g_one; struct { ULONG a, b; OBJ inner; } g_two; CFG g_whole, g_copied;
static const CFG whole = { TAG('F','l','S','g'), 2, TAG('F','l','0','3'), 4 };
static const CFG copied = { TAG('F','l','S','g'), 2, TAG('F','l','0','4'), 4 };
PVOID g_node;
NOINLINE void init(OBJ *object, PVOID data) { object->data = data; object->count = 0; object->tag = TAG('F','l','0','1'); }
NOINLINE void init_with(OBJ *object, PVOID data, ULONG tag) { object->data = data; object->count = 0; object->tag = tag; }
NOINLINE void copy(volatile UCHAR *to, const volatile UCHAR *from, SIZE_T bytes) { while (bytes--) *to++ = *from++; }
NOINLINE PVOID one(SIZE_T size) { return ExAllocatePoolWithTag(0, size, g_one.tag); }
NOINLINE PVOID two(SIZE_T size) { return ExAllocatePoolWithTag(0, size, g_two.inner.tag); }
NOINLINE PVOID three(SIZE_T size) { return ExAllocatePoolWithTag(0, size, g_whole.tag); }
NOINLINE PVOID four(SIZE_T size) { return ExAllocatePoolWithTag(0, size, g_copied.tag); }
NOINLINE void construct(NODE *node, ULONG tag) { node->type = 0; node->tag = tag; }
NOINLINE NODE *create(ULONG own, ULONG later) { NODE *node = ExAllocatePoolWithTag(0, sizeof *node, own); if (node) construct(node, later); return node; }
NOINLINE PVOID any(SIZE_T size, ULONG tag) { return ExAllocatePoolWithTag(0, size, tag); }
NTSTATUS API later(NODE *node, SIZE_T size) { g_out = ExAllocatePoolWithTag(0, size, node->tag); return 0; }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    ((PVOID *)driver)[14] = later;
    init(&g_one, driver);
    init_with(&g_two.inner, path, TAG('F','l','0','2'));
    g_whole = whole;
    g_whole.rest[3] = g_size;
    copy((UCHAR *)&g_copied, (const UCHAR *)&copied, sizeof copied);
    g_out = one(g_size); g_out = two(g_size); g_out = three(g_size); g_out = four(g_size);
    g_out = any(g_size, TAG('F','l','0','7'));
    if (!g_out) return -1;
    g_node = create(TAG('F','l','0','5'), TAG('F','l','0','6'));
    return 0;
}
