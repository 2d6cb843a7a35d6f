/* The one function that Rust's standard library needs from bcryptprimitives.dll and that Wine 8 lacks. Only for tests
 * under Wine; Windows has its own. Forwards to the generator that Wine has: SystemFunction036 of advapi32, also known
 * as RtlGenRandom. */
#include <windows.h>

BOOLEAN WINAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG part = length > 0x10000000 ? 0x10000000 : (ULONG)length;
        if (!SystemFunction036(buffer, part))
            return FALSE;
        buffer += part;
        length -= part;
    }
    return TRUE;
}
