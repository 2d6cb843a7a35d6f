volatile ULONG g_size; PVOID g[4]; PVOID g_globals;
static NOINLINE NTSTATUS memory(ULONG tag, SIZE_T size) {
    return ((MEMORY)FUNCTION(192))(g_globals, 0, 512, tag, size, &g[0], &g[1]);
}
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path) {
    struct config config = {sizeof config, driver, 0, 0, TAG('W', 'd', 'D', '1')};
    g_size = path->Length;
    if (WdfVersionBind(driver, path, &g_bind, &g_globals) < 0) return -1;
    ((CREATE)FUNCTION(116))(g_globals, driver, path, 0, &config, &g[2]);
    memory(TAG('W', 'd', 'M', '2'), g_size);
    return ((LOOKASIDE)FUNCTION(198))(g_globals, 0, g_size, 1, 0, TAG('W', 'd', 'L', '3'), &g[3]);
}
