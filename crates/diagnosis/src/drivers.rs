//! The driver inventory: third parties, suspects first.

use snapshot::{DriverFacts, History, MinifilterFacts};

use crate::findings::accused;
use crate::{DriverPicture, JudgedSeries, ListedDriver, facts};

/// The inventory at the end of a recording.
pub(crate) fn of_history(history: &History, series: &[JudgedSeries]) -> Option<DriverPicture> {
    let drivers = facts::newest(history, |f| f.drivers.as_ref()).map(|(_, drivers)| drivers.as_slice());
    let minifilters = facts::newest(history, |f| f.minifilters.as_ref()).map(|(_, m)| m.as_slice());
    if drivers.is_none() && minifilters.is_none() {
        return None;
    }
    let drivers = drivers.unwrap_or_default();
    let mut third_party: Vec<ListedDriver> = drivers
        .iter()
        .map(|driver| ListedDriver {
            driver: driver.clone(),
            suspects: suspects_of(driver, series),
        })
        .filter(|listed| {
            listed.driver.running != Some(false)
                && (is_third_party(&listed.driver) || !listed.suspects.is_empty())
        })
        .collect();
    third_party.sort_by(|a, b| {
        (b.suspects.len().cmp(&a.suspects.len()))
            .then_with(|| a.driver.company.cmp(&b.driver.company))
            .then_with(|| a.driver.file.cmp(&b.driver.file))
    });
    let mut minifilters = minifilters.unwrap_or_default().to_vec();
    minifilters.sort_by(|a, b| {
        altitude(b)
            .total_cmp(&altitude(a))
            .then_with(|| a.name.cmp(&b.name))
    });
    Some(DriverPicture {
        third_party,
        total: drivers.len(),
        minifilters,
    })
}

/// True unless the company says Microsoft. A driver without a company is listed: that is worth a look.
pub(crate) fn is_third_party(driver: &DriverFacts) -> bool {
    !driver
        .company
        .as_deref()
        .is_some_and(|company| company.to_lowercase().contains("microsoft"))
}

/// Altitudes are decimal numbers as text; those that are not come last.
pub(crate) fn altitude(filter: &MinifilterFacts) -> f64 {
    filter
        .altitude
        .as_deref()
        .and_then(|a| a.trim().parse().ok())
        .filter(|a: &f64| a.is_finite())
        .unwrap_or(-1.0)
}

fn suspects_of(driver: &DriverFacts, series: &[JudgedSeries]) -> Vec<String> {
    let Some(file) = driver.file.as_deref() else {
        return Vec::new();
    };
    series
        .iter()
        .filter(|s| accused(s) && !s.owners.shared)
        .filter(|s| {
            let first = s.owners.owners.first().and_then(|o| o.image.as_deref());
            first.is_some_and(|image| image.eq_ignore_ascii_case(file))
        })
        .map(JudgedSeries::name)
        .collect()
}
