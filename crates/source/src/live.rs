//! Picks the source of the system this program runs on.

use crate::Source;

/// The kernel this program runs on. On a system without any source, one that says so when asked.
#[must_use]
pub fn live() -> Box<dyn Source> {
    #[cfg(target_os = "linux")]
    return Box::new(crate::linux::LinuxSource::new());
    #[cfg(windows)]
    return Box::new(crate::windows::WindowsSource::new());
    #[cfg(not(any(windows, target_os = "linux")))]
    return Box::new(NoSource);
}

/// Stands in where poolscope has no way to read the kernel.
#[cfg(not(any(windows, target_os = "linux")))]
struct NoSource;

#[cfg(not(any(windows, target_os = "linux")))]
impl Source for NoSource {
    fn host(&mut self) -> (snapshot::HostFacts, Vec<snapshot::Problem>) {
        (snapshot::HostFacts::default(), Vec::new())
    }

    fn snapshot(&mut self, _want: &crate::Want) -> Result<snapshot::Snapshot, crate::SourceError> {
        Err(crate::SourceError::Unavailable {
            interface: "live kernel".to_owned(),
            reason: format!(
                "poolscope reads Windows and Linux kernels, not {}",
                std::env::consts::OS
            ),
        })
    }
}
