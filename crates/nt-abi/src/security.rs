//! Virtualization-based security and code integrity: classes 165 and 103.

use crate::bytes::Bytes;
use crate::{AbiError, Interface, class};

/// Class 165: what runs in virtual trust level 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IsolatedUserMode {
    /// The secure kernel runs: virtualization-based security is on.
    pub secure_kernel_running: bool,
    /// Hypervisor-protected code integrity is on.
    pub hvci_enabled: bool,
    /// HVCI in strict mode.
    pub hvci_strict: bool,
    /// The secure kernel may be debugged.
    pub debug_enabled: bool,
    /// A trustlet runs (Credential Guard and the like).
    pub trustlet_running: bool,
}

/// Reads class 165, SystemIsolatedUserModeInformation (`SYSTEM_ISOLATED_USER_MODE_INFORMATION`, ntdiff/headers and
/// geoffchappell.com): 16 bytes of which the first two hold the bits.
///
/// # Errors
/// When there are fewer than two bytes.
pub fn isolated_user_mode(bytes: &[u8]) -> Result<IsolatedUserMode, AbiError> {
    let bytes = Bytes::new(bytes, Interface::System(class::ISOLATED_USER_MODE));
    let (kernel, user) = (bytes.u8(0)?, bytes.u8(1)?);
    Ok(IsolatedUserMode {
        secure_kernel_running: kernel & 0x01 != 0,
        hvci_enabled: kernel & 0x02 != 0,
        hvci_strict: kernel & 0x04 != 0,
        debug_enabled: kernel & 0x08 != 0,
        trustlet_running: user & 0x01 != 0,
    })
}

/// Class 103: the code integrity options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeIntegrity(
    /// The bits as read (`CODEINTEGRITY_OPTION_*`).
    pub u32,
);

impl CodeIntegrity {
    /// Kernel-mode code integrity is enforced by the hypervisor.
    #[must_use]
    pub const fn hvci_enabled(self) -> bool {
        self.0 & 0x400 != 0
    }

    /// The same in audit mode.
    #[must_use]
    pub const fn hvci_audit(self) -> bool {
        self.0 & 0x800 != 0
    }

    /// The same in strict mode.
    #[must_use]
    pub const fn hvci_strict(self) -> bool {
        self.0 & 0x1000 != 0
    }

    /// Test-signed drivers are accepted.
    #[must_use]
    pub const fn test_signing(self) -> bool {
        self.0 & 0x02 != 0
    }
}

/// Reads class 103, SystemCodeIntegrityInformation (`SYSTEM_CODEINTEGRITY_INFORMATION`, phnt ntexapi.h and the
/// Windows SDK): 8 bytes, a length that the caller sets before the call, and the options.
///
/// # Errors
/// When the buffer is shorter.
pub fn code_integrity(bytes: &[u8]) -> Result<CodeIntegrity, AbiError> {
    Bytes::new(bytes, Interface::System(class::CODE_INTEGRITY))
        .u32(4)
        .map(CodeIntegrity)
}
