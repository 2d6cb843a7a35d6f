// expect: Ou01 Ou02
// decoy: OuSg
// Objects that the system keeps for a driver and gives out again by a call: the tag is set in one place and read in another.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
IMPORT NTSTATUS API IoAllocateDriverObjectExtension(PVOID driver, PVOID id, ULONG size, PVOID *extension);
IMPORT PVOID API IoGetDriverObjectExtension(PVOID driver, PVOID id);
typedef struct { ULONG a, b, c, d, e; ULONG tag; } EXTENSION;
typedef struct { ULONG a, b, c, d, e; ULONG signature; } OTHER;
NOINLINE void start(PVOID driver, UNICODE_STRING *path) {
    EXTENSION *extension = 0;
    IoAllocateDriverObjectExtension(driver, start, sizeof *extension, (PVOID *)&extension);
    if (extension) extension->tag = TAG('O', 'u', '0', '1');
}
NOINLINE PVOID take(PVOID driver) {
    EXTENSION *extension = IoGetDriverObjectExtension(driver, start);
    return extension ? ExAllocatePoolWithTag(0, g_size, extension->tag) : 0;
}
NOINLINE OTHER *other(void) {
    OTHER *object = ExAllocatePoolWithTag(0, sizeof *object, TAG('O', 'u', '0', '2'));
    if (object) object->signature = TAG('O', 'u', 'S', 'g');
    return object;
}
NOINLINE int check(OTHER *object) { return object->signature == TAG('O', 'u', 'S', 'g'); }
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    start(driver, path);
    g_out = take(driver);
    g_out = other();
    return check(g_out);
}
