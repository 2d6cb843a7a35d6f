//! The bill of event tracing.

use snapshot::{EtwSession, History};

use crate::{BilledSession, EtwPicture, facts};

/// Sessions that are known to cost much: a part of the name (lower case), who runs it and what for.
///
/// Names are those that `logman query -ets` prints on machines with these products; each is a hint, not a proof.
const KNOWN: [(&str, &str); 24] = [
    ("senseir", "Microsoft Defender for Endpoint (EDR sensor)"),
    ("sense", "Microsoft Defender for Endpoint (EDR sensor)"),
    ("defenderapilogger", "Microsoft Defender (behaviour monitoring)"),
    ("defenderauditlogger", "Microsoft Defender (audit)"),
    ("crowdstrike", "CrowdStrike Falcon (endpoint protection)"),
    ("csfalcon", "CrowdStrike Falcon (endpoint protection)"),
    ("sentinel", "SentinelOne (endpoint protection)"),
    ("carbonblack", "Carbon Black (endpoint protection)"),
    ("cylance", "Cylance (endpoint protection)"),
    ("symantec", "Symantec (endpoint protection, DLP)"),
    ("dgagent", "Digital Guardian (DLP)"),
    ("forcepoint", "Forcepoint (DLP)"),
    ("netskope", "Netskope (cloud proxy, DLP)"),
    ("zscaler", "Zscaler (VPN, proxy)"),
    ("globalprotect", "Palo Alto GlobalProtect (VPN)"),
    ("pangps", "Palo Alto GlobalProtect (VPN)"),
    ("anyconnect", "Cisco Secure Client (VPN)"),
    ("diagtrack", "Windows telemetry (Connected User Experiences)"),
    ("diaglog", "Windows diagnostics policy"),
    ("nvidia", "NVIDIA telemetry or driver logger"),
    ("intel", "Intel driver auto-logger"),
    ("killer", "Killer network driver auto-logger"),
    ("circularkernelcontextlogger", "Windows kernel trace in memory"),
    (
        "nt kernel logger",
        "A kernel trace: a profiler or monitor is running",
    ),
];

/// The bill at the end of a recording.
pub(crate) fn of_history(history: &History) -> Option<EtwPicture> {
    let (_, sessions) = facts::newest(history, |f| f.etw_sessions.as_ref())?;
    let etwb = history.series.iter().filter(|s| s.key.tag.as_bytes() == b"EtwB");
    let bytes: Vec<u64> = etwb.filter_map(|s| s.last().bytes.get()).collect();
    let sum = bytes.iter().fold(0_u64, |sum, &b| sum.saturating_add(b));
    Some(bill(sessions, (!bytes.is_empty()).then_some(sum)))
}

/// Sessions and the bytes of `EtwB` in, the bill out.
#[must_use]
pub fn bill(sessions: &[EtwSession], etwb: Option<u64>) -> EtwPicture {
    let mut picture = EtwPicture {
        etwb,
        ..EtwPicture::default()
    };
    for session in sessions {
        let bytes = session
            .buffers
            .zip(session.buffer_bytes)
            .map(|(n, size)| n.saturating_mul(size));
        let cost = bytes.unwrap_or(0);
        picture.total = picture.total.saturating_add(cost);
        if session.paged != Some(true) {
            picture.nonpaged = picture.nonpaged.saturating_add(cost);
        }
        picture.events_lost = picture
            .events_lost
            .saturating_add(session.events_lost.unwrap_or(0));
        let name = session.name.to_lowercase();
        let known = KNOWN
            .iter()
            .find(|(part, _)| name.contains(part))
            .map(|&(_, who)| who);
        picture.sessions.push(BilledSession {
            session: session.clone(),
            bytes,
            known,
        });
    }
    picture.sessions.sort_by(|a, b| {
        b.bytes
            .cmp(&a.bytes)
            .then_with(|| a.session.name.cmp(&b.session.name))
    });
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_is_buffers_times_size_by_pool() {
        let session = |name: &str, buffers, size, paged| EtwSession {
            name: name.to_owned(),
            buffers,
            buffer_bytes: size,
            paged,
            events_lost: Some(2),
            ..EtwSession::default()
        };
        let picture = bill(
            &[
                session("small", Some(2), Some(64), Some(true)),
                session("DiagTrack-Listener", Some(10), Some(1024), None),
                session("unread", None, Some(1024), None),
            ],
            Some(10_400),
        );
        assert_eq!(
            (picture.total, picture.nonpaged, picture.events_lost),
            (10_368, 10_240, 6)
        );
        let names: Vec<_> = picture.sessions.iter().map(|s| s.session.name.as_str()).collect();
        assert_eq!(names, ["DiagTrack-Listener", "small", "unread"]);
        assert!(picture.sessions.first().is_some_and(|s| s.known.is_some()));
        assert_eq!(
            picture.sessions.last().map(|s| s.bytes),
            Some(None),
            "missing is not zero"
        );
    }
}
