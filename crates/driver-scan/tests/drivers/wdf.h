/* The framework's bind structure and the routines the drivers call through its table. */
#pragma once
#include "driver.h"
struct bind { ULONG size; const USHORT *component; ULONG version[3]; ULONG count; PVOID table; PVOID module; };
struct config { ULONG size; PVOID add, unload; ULONG flags, tag; };
IMPORT NTSTATUS API WdfVersionBind(PVOID, UNICODE_STRING *, struct bind *, PVOID *);
typedef NTSTATUS(API *CREATE)(PVOID, PVOID, UNICODE_STRING *, PVOID, struct config *, PVOID *);
typedef NTSTATUS(API *MEMORY)(PVOID, PVOID, int, ULONG, SIZE_T, PVOID *, PVOID *);
typedef NTSTATUS(API *LOOKASIDE)(PVOID, PVOID, SIZE_T, int, PVOID, ULONG, PVOID *);
