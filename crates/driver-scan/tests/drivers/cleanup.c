// expect: Cu01 Cu02 Cu03 Cu04
// Calls of the C runtime, whose arguments the caller takes off the stack when it likes, and of a routine that no list knows,
// behind registers that the function saves.
#include "driver.h"
volatile ULONG g_size; volatile PVOID g_out;
IMPORT ULONG DbgPrint(const char *, ...);
IMPORT void API AcmeTrace(PVOID, ULONG);
typedef struct { UCHAR type, revision; USHORT size; ULONG tag, data; } BUFFERS;
typedef struct { PVOID list[32]; } LOOKASIDE;
LOOKASIDE g_list;
NOINLINE PVOID buffers(PVOID of) {
    BUFFERS parameters;
    DbgPrint("%p %x", &parameters, g_size);
    parameters.type = 0x80; parameters.revision = 1; parameters.size = sizeof parameters; parameters.data = g_size;
    parameters.tag = TAG('C', 'u', '0', '1');
    return NdisAllocateNetBufferPool(of, &parameters);
}
NOINLINE PVOID traced(PVOID of, ULONG more) {
    BUFFERS parameters;
    AcmeTrace(&parameters, g_size);
    parameters.type = 0x80; parameters.revision = 2; parameters.size = sizeof parameters; parameters.data = g_size + more;
    parameters.tag = TAG('C', 'u', '0', '4');
    g_out = &parameters;
    return NdisAllocateNetBufferPool(of, &parameters);
}
NOINLINE void lists(SIZE_T size) {
    ULONG tag = TAG('C', 'u', '0', '2');
    DbgPrint("%x %x %x", g_size, tag, (ULONG)size);
    DbgPrint("%x %p", 3, &g_list);
    ExInitializeNPagedLookasideList(&g_list, 0, 0, 0, size, tag, 0);
}
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    g_size = path->Length;
    g_out = buffers(driver); g_out = traced(driver, g_size); lists(g_size);
    DbgPrint("%x", g_size);
    g_out = ExAllocatePoolWithTag(g_size & 1, 64, TAG('C', 'u', '0', '3'));
    return 0;
}
