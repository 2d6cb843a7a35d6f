//! Why a call gave nothing.

/// A call that failed, with the code that the system gave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// An NTSTATUS of failure.
    #[error("status 0x{status:08X}")]
    Status {
        /// The NTSTATUS.
        status: u32,
    },
    /// A Win32 error code.
    #[error("{call}: error {code}")]
    Win32 {
        /// The function.
        call: &'static str,
        /// `GetLastError` or the function's own result.
        code: u32,
    },
    /// An HRESULT of failure.
    #[error("{call}: 0x{code:08X}")]
    Hresult {
        /// The function.
        call: &'static str,
        /// The HRESULT.
        code: u32,
    },
    /// A DLL or a function in it that this system does not have.
    #[error("{what} is not on this system (error {code})")]
    Missing {
        /// The DLL or the function.
        what: &'static str,
        /// Error code of loading it.
        code: u32,
    },
    /// The answer needs a larger buffer than allowed.
    #[error("the answer needs more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The needed length grew with every try.
    #[error("the needed length still grew after {tries} tries")]
    Unsettled {
        /// Tries made.
        tries: u32,
    },
}
