//! The routines that allocate or free under a tag, and where their tag stands.
//!
//! Prototypes: Microsoft's driver documentation (learn.microsoft.com/windows-hardware/drivers/ddi) and the headers of
//! mingw-w64 and the Windows driver samples. Routines that take a tag without allocating under it (references with a
//! tag, remove locks) are left out on purpose.

use crate::Arch;
use crate::ir::{RCX, RDX, Reg};

/// Where an argument stands when the callee is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Arg {
    /// In a register.
    Reg(Reg),
    /// On the stack, at this distance from the stack pointer at the callee's first instruction.
    Stack(i64),
}

/// The place of argument number `index` (x86: of stdcall and cdecl).
pub(crate) fn argument(arch: Arch, index: u8) -> Arg {
    let number = i64::from(index);
    match (arch, index) {
        (Arch::X64, 0) => Arg::Reg(RCX),
        (Arch::X64, 1) => Arg::Reg(RDX),
        (Arch::X64, 2 | 3) => Arg::Reg(index + 6),
        (Arch::X64, _) => Arg::Stack(8 + 8 * number),
        (Arch::Arm64, 0..=7) => Arg::Reg(index),
        (Arch::Arm64, _) => Arg::Stack(8 * (number - 8)),
        (Arch::X86, _) => Arg::Stack(4 + 4 * number),
    }
}

/// `WdfObjectGetTypedContextWorker` in the table of the framework (wdffuncenum.h of KMDF 1.x).
pub(crate) const WDF_TYPED_CONTEXT: u16 = 202;

/// True for routines that give a driver an object which the system keeps for it.
pub(crate) fn is_keeper(name: &str) -> bool {
    matches!(
        name,
        "IoGetDriverObjectExtension"
            | "NdisGetDeviceReservedExtension"
            | "StorPortGetLogicalUnit"
            | "ScsiPortGetLogicalUnit"
            | "FsRtlLookupPerStreamContextInternal"
            | "FsRtlLookupPerFileContext"
            | "FsRtlLookupPerFileObjectContext"
    )
}

/// What the tag is used for, and how it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// The tag is an argument.
    Argument(u8),
    /// Like `Argument`, with another number on x86, where a 64-bit argument before it takes two places.
    Shifted(u8, u8),
    /// The tag is a field of the structure that the argument points to: offset in 64-bit and 32-bit images.
    Field(u8, i64, i64),
    /// The argument points to an FLT_REGISTRATION.
    FilterRegistration(u8),
    /// A function-code routine: allocates when argument 0 has this value; the tag is an argument.
    Coded(u64, u8),
}

/// One routine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Routine {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// Frees instead of allocating.
    pub(crate) frees: bool,
}

const fn allocates(name: &'static str, form: Form) -> Routine {
    Routine {
        name,
        form,
        frees: false,
    }
}

const fn frees(name: &'static str, argument: u8) -> Routine {
    Routine {
        name,
        form: Form::Argument(argument),
        frees: true,
    }
}

use Form::{Argument, Coded, Field, FilterRegistration, Shifted};

/// Imported routines, sorted by name.
pub(crate) const ROUTINES: &[Routine] = &[
    allocates("EngAllocMem", Argument(2)),
    allocates("EngAllocUserMem", Argument(1)),
    allocates("ExAllocateCacheAwareRundownProtection", Argument(1)),
    allocates("ExAllocatePool2", Shifted(2, 3)),
    allocates("ExAllocatePool3", Shifted(2, 3)),
    allocates("ExAllocatePoolWithQuotaTag", Argument(2)),
    allocates("ExAllocatePoolWithTag", Argument(2)),
    allocates("ExAllocatePoolWithTagPriority", Argument(2)),
    frees("ExFreePool2", 1),
    frees("ExFreePoolWithTag", 1),
    allocates("ExInitializeLookasideListEx", Argument(6)),
    allocates("ExInitializeNPagedLookasideList", Argument(5)),
    allocates("ExInitializePagedLookasideList", Argument(5)),
    allocates("FltAllocateExtraCreateParameter", Argument(5)),
    allocates("FltAllocatePoolAlignedWithTag", Argument(3)),
    frees("FltFreePoolAlignedWithTag", 2),
    allocates("FltInitExtraCreateParameterLookasideList", Argument(4)),
    allocates("FltRegisterFilter", FilterRegistration(1)),
    allocates("FsRtlAllocateExtraCreateParameter", Argument(4)),
    allocates("FsRtlAllocatePoolWithQuotaTag", Argument(2)),
    allocates("FsRtlAllocatePoolWithTag", Argument(2)),
    allocates("FsRtlInitExtraCreateParameterLookasideList", Argument(3)),
    allocates("MmAllocateMappingAddress", Argument(1)),
    allocates("MmAllocateMappingAddressEx", Argument(1)),
    frees("MmFreeMappingAddress", 1),
    allocates("NdisAllocateCloneOidRequest", Argument(2)),
    allocates("NdisAllocateGenericObject", Argument(1)),
    allocates("NdisAllocateMemoryWithTag", Argument(2)),
    allocates("NdisAllocateMemoryWithTagPriority", Argument(2)),
    allocates("NdisAllocateNetBufferListContext", Argument(3)),
    allocates("NdisAllocateNetBufferListPool", Field(1, 8, 8)),
    allocates("NdisAllocateNetBufferPool", Field(1, 4, 4)),
    allocates("NdisAllocateTimerObject", Field(1, 4, 4)),
    frees("NdisFreeMemoryWithTag", 1),
    frees("NdisFreeMemoryWithTagPriority", 2),
    allocates("NdisInitializeNPagedLookasideList", Argument(5)),
    allocates("StorPortAllocatePool", Argument(2)),
    allocates("StorPortExtendedFunction", Coded(0, 3)),
    allocates("VideoPortAllocatePool", Argument(3)),
    allocates("_RxAllocatePoolWithTag", Argument(2)),
];

/// The routine of an imported name.
pub(crate) fn imported(name: &str) -> Option<&'static Routine> {
    ROUTINES
        .binary_search_by(|routine| routine.name.cmp(name))
        .ok()
        .and_then(|index| ROUTINES.get(index))
        .or_else(|| undecorated(name).and_then(imported))
}

/// `_Name@12` → `Name`.
fn undecorated(name: &str) -> Option<&str> {
    let (plain, bytes) = name.rsplit_once('@')?;
    bytes
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(plain.strip_prefix('_').unwrap_or(plain))
}

/// Framework (KMDF) routines by table index, from the WDFFUNCENUM of Microsoft's Windows-Driver-Frameworks sources.
pub(crate) const FRAMEWORK: &[(u16, Routine)] = &[
    (116, allocates("WdfDriverCreate", Field(4, 0x1c, 0x10))),
    (192, allocates("WdfMemoryCreate", Argument(3))),
    (198, allocates("WdfLookasideListCreate", Argument(5))),
];
