// expect:
// decoy: Unk1
#include "driver.h"
volatile ULONG g_size; PVOID g[4];
char g_text[] = "Unk1";
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    ULONG tag[8] = {0}, length;
    g_size = path->Length + g_text[2];
    if (ZwQueryValueKey(driver, path, 2, tag, sizeof tag, &length) >= 0) g[0] = ExAllocatePoolWithTag(0, g_size, tag[3]);
    return 0;
}
