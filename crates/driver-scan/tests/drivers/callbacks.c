// expect: Ca01 Ca02 Ca03 Ca04 Ca05
// decoy: CaSg CaNo
// Functions handed to the system with their context: a block on the stack, the tag itself, a block behind a block.
#include "driver.h"
IMPORT NTSTATUS API PsCreateSystemThread(PVOID *, ULONG, PVOID, PVOID, PVOID, PVOID, PVOID);
IMPORT void API IoQueueWorkItem(PVOID, PVOID, int, PVOID);
volatile ULONG g_size; volatile PVOID g_out;
typedef struct { ULONG signature; SIZE_T size; ULONG tag; PVOID out; } BLOCK;
typedef struct { BLOCK *block; ULONG number; } OUTER;
static void API big(PVOID context) { BLOCK *block = context; block->out = ExAllocatePoolWithTag(1, block->size, block->tag); }
static void API nested(PVOID context) { OUTER *outer = context; outer->block->out = ExAllocatePoolWithTag(0, outer->block->size, outer->block->tag); }
static void API thread(PVOID context) { g_out = ExAllocatePoolWithTag(0, g_size, (ULONG)(SIZE_T)context); }
static void API item(PVOID device, PVOID context) { g_out = ExAllocatePoolWithTag(0, g_size, (ULONG)(SIZE_T)context); }
static void API other(PVOID context) { g_size += (ULONG)(SIZE_T)context; }
NOINLINE PVOID on_stack(SIZE_T size, ULONG tag) {
    BLOCK block;
    PVOID handle;
    block.signature = TAG('C', 'a', 'S', 'g');
    block.size = size;
    block.tag = tag;
    block.out = 0;
    PsCreateSystemThread(&handle, 0, 0, 0, 0, big, &block);
    return block.out;
}
NOINLINE PVOID twice(SIZE_T size) {
    BLOCK block;
    OUTER outer;
    PVOID handle;
    block.size = size;
    block.tag = TAG('C', 'a', '0', '3');
    outer.block = &block;
    outer.number = 1;
    PsCreateSystemThread(&handle, 0, 0, 0, 0, nested, &outer);
    return block.out;
}
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    PVOID handle;
    g_size = path->Length;
    g_out = on_stack(g_size, TAG('C', 'a', '0', '1'));
    g_out = on_stack(99, TAG('C', 'a', '0', '2'));
    g_out = twice(g_size);
    IoQueueWorkItem(driver, item, 1, (PVOID)(SIZE_T)TAG('C', 'a', '0', '5'));
    PsCreateSystemThread(&handle, 0, 0, 0, 0, other, (PVOID)(SIZE_T)TAG('C', 'a', 'N', 'o'));
    return PsCreateSystemThread(&handle, 0, 0, 0, 0, thread, (PVOID)(SIZE_T)TAG('C', 'a', '0', '4'));
}
