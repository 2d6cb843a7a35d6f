/* What the test drivers use of the kernel's interface, declared here so that no WDK is needed. */
#pragma once
typedef unsigned char UCHAR;
typedef unsigned short USHORT;
typedef unsigned int ULONG;
typedef int NTSTATUS;
typedef unsigned long long ULONG64;
typedef __SIZE_TYPE__ SIZE_T;
typedef void *PVOID;
typedef struct { USHORT Length, MaximumLength; const USHORT *Buffer; } UNICODE_STRING;
#define IMPORT __declspec(dllimport)
#ifdef __i386__
#define API __attribute__((stdcall))
#else
#define API
#endif
#define NOINLINE __attribute__((noinline))
/* 'abcd' in memory order */
#define TAG(a, b, c, d) ((ULONG)(a) | (ULONG)(b) << 8 | (ULONG)(c) << 16 | (ULONG)(d) << 24)
IMPORT PVOID API ExAllocatePoolWithTag(int, SIZE_T, ULONG);
IMPORT PVOID API ExAllocatePool2(ULONG64, SIZE_T, ULONG);
IMPORT PVOID API ExAllocatePool3(ULONG64, SIZE_T, ULONG, PVOID, ULONG);
IMPORT void API ExFreePoolWithTag(PVOID, ULONG);
IMPORT void API ExInitializeNPagedLookasideList(PVOID, PVOID, PVOID, ULONG, SIZE_T, ULONG, USHORT);
IMPORT void API ExInitializePagedLookasideList(PVOID, PVOID, PVOID, ULONG, SIZE_T, ULONG, USHORT);
IMPORT NTSTATUS API ExInitializeLookasideListEx(PVOID, PVOID, PVOID, int, ULONG, SIZE_T, ULONG, USHORT);
IMPORT PVOID API MmGetSystemRoutineAddress(UNICODE_STRING *);
IMPORT void API RtlInitUnicodeString(UNICODE_STRING *, const USHORT *);
IMPORT NTSTATUS API ZwQueryValueKey(PVOID, PVOID, int, PVOID, ULONG, ULONG *);
IMPORT PVOID API NdisAllocateMemoryWithTagPriority(PVOID, ULONG, ULONG, int);
IMPORT NTSTATUS API NdisAllocateMemoryWithTag(PVOID *, ULONG, ULONG);
IMPORT PVOID API NdisAllocateNetBufferListPool(PVOID, PVOID);
IMPORT PVOID API NdisAllocateNetBufferPool(PVOID, PVOID);
IMPORT ULONG StorPortExtendedFunction(int, PVOID, ...);
IMPORT PVOID API ObReferenceObjectByPointerWithTag(PVOID, ULONG, PVOID, int, ULONG);
typedef PVOID(API *ALLOCATE)(int, SIZE_T, ULONG);
extern volatile ULONG g_size;
NTSTATUS API DriverEntry(PVOID driver, UNICODE_STRING *path);
/* Compilers call these for structures. */
void *memset(void *to, int value, SIZE_T size) { volatile UCHAR *p = to; while (size--) *p++ = value; return to; }
void *memcpy(void *to, const void *from, SIZE_T size) { volatile UCHAR *p = to; const UCHAR *q = from; while (size--) *p++ = *q++; return to; }
