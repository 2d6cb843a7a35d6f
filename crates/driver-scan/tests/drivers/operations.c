// expect: Ob01 Ob02 Ob03 Ob04 Ob05 Tb01 Tb02 Tb03 Vm01 Vm02 Gl01 Gl02 Rt01 Rt02
// decoy: ObSg ObNo TbNo FmNo
// Wrappers that are called through pointers: in an object filled by its maker, in a table of operations that an object
// points to, in the virtual methods of an object, and in a global that is passed on.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;

typedef PVOID (API *TAKE)(SIZE_T, UCHAR, ULONG);
typedef void (API *GIVE)(PVOID, ULONG);
typedef ULONG (API *ASK)(PVOID, ULONG, ULONG);

// The pointers are parameters of the maker.
typedef struct { ULONG signature; PVOID log; PVOID cells[9]; GIVE give; TAKE take; ASK ask; ULONG last; } HIVE;
static NOINLINE PVOID API hive_take(SIZE_T size, UCHAR paged, ULONG tag) { return ExAllocatePoolWithTag(paged ? 1 : 0, size, tag); }
static NOINLINE void API hive_give(PVOID block, ULONG tag) { ExFreePoolWithTag(block, tag); }
static NOINLINE ULONG API hive_ask(PVOID of, ULONG kind, ULONG more) { return of && kind == g_size && more; }
NOINLINE void hive_init(HIVE *hive, TAKE take, GIVE give, ASK ask) {
    hive->signature = TAG('O', 'b', 'S', 'g'); hive->take = take; hive->give = give; hive->ask = ask; hive->last = g_size;
}
NOINLINE PVOID hive_cell(HIVE *hive, SIZE_T size) {
    if (hive->signature != TAG('O', 'b', 'S', 'g')) return 0;
    return hive->take(size, 1, TAG('O', 'b', '0', '2'));
}
NOINLINE PVOID hive_bin(HIVE *hive, SIZE_T size) {
    PVOID a = hive->take(size, 0, TAG('O', 'b', '0', '3'));
    if (!a) return 0;
    hive->last++;
    PVOID b = hive->take(size * 2 + hive->last, g_size > 9, TAG('O', 'b', '0', '4'));
    if (!b) hive->give(a, TAG('O', 'b', '0', '3'));
    return b;
}
NOINLINE PVOID hive_any(HIVE *hive, SIZE_T size, ULONG tag) { hive->last += 2; return hive->take(size + 8, 1, tag); }
NOINLINE ULONG hive_check(HIVE *hive) { return hive->ask(hive->log, 3, TAG('O', 'b', 'N', 'o')); }

// A table of operations.
typedef struct { PVOID context; ASK ask; TAKE take; } OPS;
typedef struct { ULONG type; const OPS *ops; } DEVICE;
static NOINLINE PVOID API table_take(SIZE_T size, UCHAR paged, ULONG tag) { g_size++; return ExAllocatePoolWithTag(0, size + 32, tag); }
static const OPS g_ops = {0, hive_ask, table_take};
NOINLINE void device_init(DEVICE *device, const OPS *ops) { device->type = 7; device->ops = ops; }
NOINLINE PVOID device_one(DEVICE *device) { return device->ops->take(g_size, 0, TAG('T', 'b', '0', '2')); }
NOINLINE PVOID device_two(DEVICE *device) {
    if (device->ops->ask(device, 1, TAG('T', 'b', 'N', 'o'))) return 0;
    return device->ops->take(g_size * 3, 1, TAG('T', 'b', '0', '3'));
}

// Virtual methods.
typedef struct MEMORY MEMORY;
typedef struct { void (*drop)(MEMORY *); ULONG (*count)(MEMORY *); void (*note)(MEMORY *, ULONG); PVOID (*get)(MEMORY *, SIZE_T, ULONG); } METHODS;
struct MEMORY { const METHODS *methods; ULONG count; };
static NOINLINE void memory_drop(MEMORY *m) { m->count = 0; }
static NOINLINE ULONG memory_count(MEMORY *m) { return m->count; }
static NOINLINE void memory_note(MEMORY *m, ULONG by) { m->count += by; }
static NOINLINE PVOID memory_get(MEMORY *m, SIZE_T size, ULONG tag) { m->count++; return ExAllocatePoolWithTag(1, size, tag); }
static const METHODS g_methods = {memory_drop, memory_count, memory_note, memory_get};
NOINLINE void memory_init(MEMORY *m) { m->methods = &g_methods; m->count = 0; }
NOINLINE PVOID memory_use(MEMORY *m) {
    m->methods->note(m, 4);
    PVOID one = m->methods->get(m, 64, TAG('V', 'm', '0', '1'));
    return one ? one : m->methods->get(m, 32, TAG('V', 'm', '0', '2'));
}

// A global that its address is passed on of.
typedef struct { ULONG flags; TAKE take; ULONG tag; } CLIENT;
CLIENT g_client;
static NOINLINE PVOID API client_take(SIZE_T size, UCHAR paged, ULONG tag) { return ExAllocatePoolWithTag(paged, size | 1, tag); }
NOINLINE PVOID client_use(CLIENT *client, SIZE_T size) {
    PVOID first = client->take(size, 0, client->tag);
    return first ? first : client->take(size, 1, TAG('G', 'l', '0', '2'));
}

// The routine itself.
typedef struct { PVOID cells[20]; ALLOCATE allocate; } PORT;
NOINLINE void port_init(PORT *port) { port->allocate = ExAllocatePoolWithTag; port->cells[1] = port; }
NOINLINE PVOID port_one(PORT *port) { port->cells[0] = port->allocate(1, g_size, TAG('R', 't', '0', '1')); return port->cells[0]; }
NOINLINE PVOID port_two(PORT *port, SIZE_T size) { return port->allocate(0, size, TAG('R', 't', '0', '2')); }

// An interface of another driver, which has something else at the same offset.
typedef struct { PVOID cells[12]; NTSTATUS (API *format)(SIZE_T, UCHAR, ULONG); } FORMAT;
NOINLINE NTSTATUS format_set(FORMAT *format) {
    if (format->format(g_size, 1, TAG('F', 'm', 'N', 'o')) < 0) return 1;
    g_size += 4;
    return 0;
}

PORT g_port;
HIVE *g_hive; DEVICE g_device; MEMORY g_memory;
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g_hive = ExAllocatePoolWithTag(1, sizeof *g_hive, TAG('O', 'b', '0', '1'));
    if (!g_hive) return 1;
    hive_init(g_hive, hive_take, hive_give, hive_ask);
    g_out = hive_cell(g_hive, 24); g_out = hive_bin(g_hive, 48); g_out = hive_any(g_hive, 8, TAG('O', 'b', '0', '5'));
    g_size = hive_check(g_hive);
    device_init(&g_device, &g_ops); g_out = device_one(&g_device); g_out = device_two(&g_device);
    g_out = table_take(8, 0, TAG('T', 'b', '0', '1'));
    memory_init(&g_memory); g_out = memory_use(&g_memory);
    g_client.take = client_take; g_client.tag = TAG('G', 'l', '0', '1'); g_out = client_use(&g_client, g_size);
    if (format_set(driver)) return 2;
    port_init(&g_port); g_out = port_one(&g_port); g_out = port_two(&g_port, 9);
    return 0;
}
