//! A diagnosis as a report: a change of shape, nothing is computed.

use std::collections::BTreeMap;

use detection::{Limit, Verdict};
use diagnosis::{Diagnosis, EtwPicture, JudgedSeries, MemoryPicture, SourceInfo, VbsPicture, bugcheck_name};
use snapshot::{HostEvent, Timestamp};

use crate::{
    Action, Curve, Driver, Drivers, Etw, EtwSession, Event, Family, Finding, Flag, Holder, Memory,
    MemoryPart, Minifilter, NamedTag, Owner, Problem, ProcessGroup, Rates, Regression, Report, SCHEMA,
    Series, SeriesHolder, Source, Tool, Vbs, Who,
};

impl Report {
    /// The report of a diagnosis, made by this version of the program.
    #[must_use]
    pub fn new(diagnosis: &Diagnosis, version: &str) -> Self {
        Self {
            schema: Some(SCHEMA.to_owned()),
            tool: Some(Tool {
                name: Some("poolscope".to_owned()),
                version: Some(version.to_owned()),
            }),
            source: Some(source(&diagnosis.source)),
            summary: Some(diagnosis.summary.clone()),
            series: Some(diagnosis.series.iter().map(series).collect()),
            families: Some(diagnosis.families.iter().map(family).collect()),
            findings: Some(diagnosis.findings.iter().map(finding).collect()),
            next: Some(diagnosis.actions.iter().map(action).collect()),
            memory: diagnosis.memory.as_ref().map(Memory::from),
            etw: diagnosis.etw.as_ref().map(Etw::from),
            drivers: diagnosis.drivers.as_ref().map(Drivers::from),
            events: diagnosis
                .events
                .as_ref()
                .map(|events| events.iter().map(Event::from).collect()),
            vbs: diagnosis.vbs.as_ref().map(Vbs::from),
            problems: Some(
                diagnosis
                    .problems
                    .iter()
                    .map(|p| Problem {
                        step: Some(p.step.clone()),
                        message: Some(p.message.clone()),
                    })
                    .collect(),
            ),
        }
    }
}

fn time(at: Timestamp) -> Option<String> {
    at.to_rfc3339()
}

/// JSON has no NaN and no infinity: such a number was not known.
fn number(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn source(info: &SourceInfo) -> Source {
    Source {
        kind: info.kind.map(|k| k.as_str().to_owned()),
        os: info.os.map(|o| o.as_str().to_owned()),
        host: info.host.clone(),
        build: info.build.clone(),
        product: info.product.clone(),
        physical_bytes: info.physical_bytes,
        kernel_uptime_s: info.kernel_uptime_s.and_then(number),
        samples: Some(info.samples as u64),
        boots: (info.boots > 0).then_some(info.boots as u64),
        start: info.start.and_then(time),
        end: info.end.and_then(time),
    }
}

fn series(s: &JudgedSeries) -> Series {
    let j = &s.judgement;
    let attention = !matches!(
        j.verdict,
        Verdict::Steady | Verdict::Cycling | Verdict::Insufficient
    );
    let h = &j.horizons;
    let rates = Rates {
        minute: h.minute.and_then(number),
        hour: h.hour.and_then(number),
        day: h.day.and_then(number),
        boot: h.boot.and_then(number),
    };
    Series {
        tag: Some(s.tag.to_string()),
        pool: Some(s.pool.to_string()),
        verdict: Some(j.verdict.as_str().to_owned()),
        confidence: j.confidence.and_then(number),
        shape: j.shape.map(|shape| shape.as_str().to_owned()),
        bytes: j.bytes,
        outstanding: j.outstanding,
        allocs: j.allocs,
        frees: j.frees,
        rate_bytes_per_day: j.rate.and_then(|r| number(r.per_day)),
        rate_low: j.rate.and_then(|r| number(r.low)),
        rate_high: j.rate.and_then(|r| number(r.high)),
        count_rate_per_day: j.count_rate.and_then(|r| number(r.per_day)),
        count_rate_low: j.count_rate.and_then(|r| number(r.low)),
        count_rate_high: j.count_rate.and_then(|r| number(r.high)),
        onset: j.onset.and_then(time),
        rates: (rates != Rates::default()).then_some(rates),
        exhaustion: j.exhaustion.and_then(|e| time(e.at)),
        exhaustion_earliest: j.exhaustion.and_then(|e| time(e.earliest)),
        exhaustion_latest: j.exhaustion.and_then(|e| e.latest).and_then(time),
        exhaustion_of: j.exhaustion.map(|e| limit(e.limit).to_owned()),
        needs_s: j.needs_s.and_then(number),
        family: j.family,
        rank: Some(j.rank),
        follows: s.follows.clone(),
        shared: s.owners.shared.then_some(true),
        owners: Some(s.owners.owners.iter().map(owner).collect()),
        holders: (!s.holders.is_empty()).then(|| s.holders.iter().map(held).collect()),
        caution: s.owners.caution.clone().filter(|_| attention),
        explanation: s.owners.explanation.clone().filter(|_| attention),
        next: Some(s.owners.next.clone()).filter(|next| attention && !next.is_empty()),
        statistics: statistics(j),
        curve: s.curve.as_ref().map(|c| Curve {
            time: Some(c.at.iter().map(|t| t.unix_seconds()).collect()),
            bytes: Some(c.bytes.clone()),
        }),
    }
}

fn held(h: &attribution::holders::Holder) -> SeriesHolder {
    let who = h.who.iter().map(|w| Who {
        name: Some(w.name.clone()),
        pid: w.pid,
        amount: w.amount,
    });
    SeriesHolder {
        kind: Some(h.kind.as_str().to_owned()),
        who: Some(who.collect()),
        evidence: Some(h.evidence.clone()),
        how_to_find_out: Some(h.how_to_find_out.clone()),
    }
}

fn statistics(j: &detection::Judgement) -> Option<BTreeMap<String, f64>> {
    let map: BTreeMap<String, f64> = j
        .evidence
        .iter()
        .filter_map(|e| number(e.value).map(|v| (e.name.to_owned(), v)))
        .collect();
    (!map.is_empty()).then_some(map)
}

const fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::Memory => "memory",
        Limit::Commit => "commit",
        Limit::Pool => "pool",
    }
}

fn owner(o: &attribution::Owner) -> Owner {
    Owner {
        image: o.image.clone(),
        component: o.component.clone(),
        vendor: o.vendor.clone(),
        product: o.product.clone(),
        version: o.version.clone(),
        loaded: o.loaded,
        trust: Some(o.trust.as_str().to_owned()),
        evidence: (!o.evidence.is_empty()).then(|| o.evidence.clone()),
    }
}

fn family(f: &diagnosis::JudgedFamily) -> Family {
    Family {
        id: Some(f.id),
        members: Some(f.members.clone()),
        ratio: Some(f.ratio.clone()),
        holder: f.holder.as_ref().map(|h| Holder {
            image: h.image.clone(),
            component: h.component.clone(),
            process: h.process.clone(),
            pid: h.pid,
            series: h.series.clone(),
            reasons: Some(h.reasons.clone()),
        }),
        rate_bytes_per_day: f.rate_per_day.and_then(number),
        bytes: f.bytes,
    }
}

fn finding(f: &diagnosis::Finding) -> Finding {
    Finding {
        code: Some(f.code.to_owned()),
        severity: Some(f.severity.as_str().to_owned()),
        title: Some(f.title.clone()),
        evidence: Some(f.evidence.clone()),
        explanation: Some(f.explanation.clone()),
        next: Some(f.next.clone()),
        series: (!f.series.is_empty()).then(|| f.series.clone()),
        confidence: f.confidence.and_then(number),
    }
}

fn action(a: &diagnosis::Action) -> Action {
    Action {
        text: Some(a.text.clone()),
        why: Some(a.why.clone()),
        command: a.command.clone(),
    }
}

impl From<&MemoryPicture> for Memory {
    fn from(m: &MemoryPicture) -> Self {
        Self {
            counters: Some(counters(m)),
            parts: Some(
                m.parts
                    .iter()
                    .map(|p| MemoryPart {
                        name: Some(p.name.to_owned()),
                        bytes: Some(p.bytes),
                        kernel: Some(p.kernel),
                    })
                    .collect(),
            ),
            unaccounted: m.unaccounted,
            pool_share: m.pool_share.and_then(number),
            tagged: (!m.tagged.is_empty())
                .then(|| m.tagged.iter().map(|(pool, b)| (pool.to_string(), *b)).collect()),
            flags: Some(
                m.flags
                    .iter()
                    .map(|f| Flag {
                        name: Some(f.name.to_owned()),
                        value: Some(f.value),
                        absolute: f.absolute,
                        above_absolute: f.absolute.map(|_| f.above_absolute),
                        scaled: f.scaled,
                        above_scaled: f.scaled.map(|_| f.above_scaled),
                    })
                    .collect(),
            ),
            processes: (!m.processes.is_empty())
                .then(|| m.processes.iter().map(ProcessGroup::from).collect()),
        }
    }
}

impl From<&diagnosis::ProcessGroup> for ProcessGroup {
    fn from(g: &diagnosis::ProcessGroup) -> Self {
        Self {
            name: Some(g.name.clone()),
            count: Some(g.count),
            working_set: g.working_set,
            private_bytes: g.private_bytes,
            handles: g.handles,
            pool_quota: g.pool_quota,
        }
    }
}

/// The plain counters under the names they have in recordings.
fn counters(m: &MemoryPicture) -> BTreeMap<String, u64> {
    let value = serde_json::to_value(&m.counters).unwrap_or_default();
    let fields = value.as_object().into_iter().flatten();
    fields
        .filter_map(|(name, value)| value.as_u64().map(|v| (name.clone(), v)))
        .collect()
}

impl From<&EtwPicture> for Etw {
    fn from(e: &EtwPicture) -> Self {
        let sessions = e.sessions.iter().map(|b| {
            let s = &b.session;
            EtwSession {
                name: Some(s.name.clone()),
                bytes: b.bytes,
                buffer_bytes: s.buffer_bytes,
                buffers: s.buffers,
                buffers_min: s.buffers_min,
                buffers_max: s.buffers_max,
                events_lost: s.events_lost,
                log_mode: s.log_mode,
                paged: s.paged,
                log_file: s.log_file.clone(),
                known: b.known.map(str::to_owned),
            }
        });
        Self {
            sessions: Some(sessions.collect()),
            total: Some(e.total),
            nonpaged: Some(e.nonpaged),
            etwb: e.etwb,
            events_lost: Some(e.events_lost),
        }
    }
}

impl From<&diagnosis::DriverPicture> for Drivers {
    fn from(d: &diagnosis::DriverPicture) -> Self {
        let third_party = d.third_party.iter().map(|listed| {
            let d = &listed.driver;
            Driver {
                file: d.file.clone(),
                path: d.path.clone(),
                service: d.service.clone(),
                display_name: d.display_name.clone(),
                running: d.running,
                start: d.start.clone(),
                company: d.company.clone(),
                product: d.product.clone(),
                description: d.description.clone(),
                version: d.version.clone(),
                date: d.date.clone(),
                signer: d.signer.clone(),
                suspects: (!listed.suspects.is_empty()).then(|| listed.suspects.clone()),
            }
        });
        let minifilters = d.minifilters.iter().map(|f| Minifilter {
            name: Some(f.name.clone()),
            altitude: f.altitude.clone(),
            instances: f.instances,
            frame: f.frame,
        });
        Self {
            third_party: Some(third_party.collect()),
            total: Some(d.total as u64),
            minifilters: Some(minifilters.collect()),
        }
    }
}

impl From<&HostEvent> for Event {
    fn from(e: &HostEvent) -> Self {
        let tags = e.tags.as_ref().map(|tags| {
            tags.iter()
                .map(|(tag, bytes)| NamedTag {
                    tag: Some(tag.clone()),
                    bytes: Some(*bytes),
                })
                .collect()
        });
        Self {
            at: e.at.and_then(time),
            kind: Some(e.kind.clone()),
            provider: e.provider.clone(),
            id: e.id,
            bugcheck: e.bugcheck,
            bugcheck_name: e.bugcheck.and_then(bugcheck_name).map(str::to_owned),
            parameters: e
                .parameters
                .as_ref()
                .map(|p| p.iter().map(|v| format!("0x{v:X}")).collect()),
            dump: e.dump.clone(),
            tags,
            boot_type: e.boot_type.clone(),
            summary: e.summary.clone(),
        }
    }
}

impl From<&VbsPicture> for Vbs {
    fn from(v: &VbsPicture) -> Self {
        Self {
            status: v.facts.status,
            services_configured: v.facts.services_configured.clone(),
            services_running: v.facts.services_running.clone(),
            secure_kernel_running: v.facts.secure_kernel_running,
            hvci_enabled: v.facts.hvci_enabled,
            hvci_strict: v.facts.hvci_strict,
            hvci_running: v.hvci_running,
            secure_system: v.secure_system,
            regression: v.regression.map(|r| Regression {
                samples: Some(r.samples as u64),
                slope: number(r.slope),
                r: number(r.r),
                lag_s: number(r.lag_s),
                r_at_lag: number(r.r_at_lag),
                r_of_changes: r.r_of_changes.and_then(number),
                shown: Some(r.shown),
            }),
        }
    }
}
