//! Names of bugcheck codes.

/// The name of a bugcheck code, for those that memory trouble and drivers produce most.
///
/// From the public reference: <https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-code-reference2>.
#[must_use]
pub fn bugcheck_name(code: u32) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(number, _)| *number == code)
        .map(|(_, name)| *name)
}

const NAMES: [(u32, &str); 58] = [
    (0x01, "APC_INDEX_MISMATCH"),
    (0x0A, "IRQL_NOT_LESS_OR_EQUAL"),
    (0x12, "TRAP_CAUSE_UNKNOWN"),
    (0x18, "REFERENCE_BY_POINTER"),
    (0x19, "BAD_POOL_HEADER"),
    (0x1A, "MEMORY_MANAGEMENT"),
    (0x1E, "KMODE_EXCEPTION_NOT_HANDLED"),
    (0x20, "KERNEL_APC_PENDING_DURING_EXIT"),
    (0x23, "FAT_FILE_SYSTEM"),
    (0x24, "NTFS_FILE_SYSTEM"),
    (0x2D, "SCSI_DISK_DRIVER_INTERNAL"),
    (0x2E, "DATA_BUS_ERROR"),
    (0x31, "PHASE0_INITIALIZATION_FAILED"),
    (0x3B, "SYSTEM_SERVICE_EXCEPTION"),
    (0x3F, "NO_MORE_SYSTEM_PTES"),
    (0x44, "MULTIPLE_IRP_COMPLETE_REQUESTS"),
    (0x4E, "PFN_LIST_CORRUPT"),
    (0x50, "PAGE_FAULT_IN_NONPAGED_AREA"),
    (0x51, "REGISTRY_ERROR"),
    (0x5C, "HAL_INITIALIZATION_FAILED"),
    (0x74, "BAD_SYSTEM_CONFIG_INFO"),
    (0x76, "PROCESS_HAS_LOCKED_PAGES"),
    (0x77, "KERNEL_STACK_INPAGE_ERROR"),
    (0x7A, "KERNEL_DATA_INPAGE_ERROR"),
    (0x7B, "INACCESSIBLE_BOOT_DEVICE"),
    (0x7E, "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"),
    (0x7F, "UNEXPECTED_KERNEL_MODE_TRAP"),
    (0x80, "NMI_HARDWARE_FAILURE"),
    (0x8E, "KERNEL_MODE_EXCEPTION_NOT_HANDLED"),
    (0x9C, "MACHINE_CHECK_EXCEPTION"),
    (0x9F, "DRIVER_POWER_STATE_FAILURE"),
    (0xA0, "INTERNAL_POWER_ERROR"),
    (0xBE, "ATTEMPTED_WRITE_TO_READONLY_MEMORY"),
    (0xC1, "SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION"),
    (0xC2, "BAD_POOL_CALLER"),
    (0xC4, "DRIVER_VERIFIER_DETECTED_VIOLATION"),
    (0xC5, "DRIVER_CORRUPTED_EXPOOL"),
    (0xCA, "PNP_DETECTED_FATAL_ERROR"),
    (0xCB, "DRIVER_LEFT_LOCKED_PAGES_IN_PROCESS"),
    (0xCE, "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS"),
    (0xD1, "DRIVER_IRQL_NOT_LESS_OR_EQUAL"),
    (0xD5, "DRIVER_PAGE_FAULT_IN_FREED_SPECIAL_POOL"),
    (0xDA, "SYSTEM_PTE_MISUSE"),
    (0xE2, "MANUALLY_INITIATED_CRASH"),
    (0xEF, "CRITICAL_PROCESS_DIED"),
    (0xF4, "CRITICAL_OBJECT_TERMINATION"),
    (0xF7, "DRIVER_OVERRAN_STACK_BUFFER"),
    (0xFC, "ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY"),
    (0x101, "CLOCK_WATCHDOG_TIMEOUT"),
    (0x109, "CRITICAL_STRUCTURE_CORRUPTION"),
    (0x10D, "WDF_VIOLATION"),
    (0x113, "VIDEO_DXGKRNL_FATAL_ERROR"),
    (0x116, "VIDEO_TDR_FAILURE"),
    (0x119, "VIDEO_SCHEDULER_INTERNAL_ERROR"),
    (0x124, "WHEA_UNCORRECTABLE_ERROR"),
    (0x133, "DPC_WATCHDOG_VIOLATION"),
    (0x139, "KERNEL_SECURITY_CHECK_FAILURE"),
    (0x154, "UNEXPECTED_STORE_EXCEPTION"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_rise_and_are_found() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(bugcheck_name(0xC2), Some("BAD_POOL_CALLER"));
        assert_eq!(bugcheck_name(0xDEAD), None);
    }
}
