//! A small machine made by hand: history, judgements and owners of choice.

use attribution::{Owner, Owners, Trust};
use detection::{Analysis, Family, HorizonRates, Judgement, Rate, Shape, Verdict};
use diagnosis::{Diagnosis, Finding, Input, Options, diagnose};
use snapshot::{
    BootId, CounterWidth, History, HostFacts, MemoryCounters, MomentFacts, OsKind, Pool, Sample, Series,
    SeriesKey, SourceKind, Tag, Timestamp, Usage,
};

pub(crate) const GIB: u64 = 1 << 30;
pub(crate) const MIB: u64 = 1 << 20;
/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600;

/// A machine under construction.
pub(crate) struct Machine {
    pub(crate) history: History,
    pub(crate) analysis: Analysis,
}

impl Machine {
    /// Windows with 16 GiB, 25 samples an hour apart, one boot.
    pub(crate) fn new() -> Self {
        let samples = (0..25)
            .map(|hour| Sample {
                at: Timestamp::from_unix_seconds(START + hour * 3600),
                uptime_s: Some(7_200.0 + hour as f64 * 3600.0),
                boot: Some(0),
                after_gap: false,
            })
            .collect();
        let host = HostFacts {
            os: Some(OsKind::Windows),
            name: Some("host".to_owned()),
            build: Some("26200.9457".to_owned()),
            physical_bytes: Some(16 * GIB),
            ..HostFacts::default()
        };
        let history = History {
            kind: Some(SourceKind::Recording),
            host,
            boots: vec![BootId("1".to_owned())],
            clock_known: true,
            samples,
            ..History::default()
        };
        Self {
            history,
            analysis: Analysis::default(),
        }
    }

    /// Adds a series that grows evenly from `from` to `to` bytes, 100 bytes an allocation, without frees.
    pub(crate) fn series(mut self, tag: &str, verdict: Verdict, from: u64, to: u64) -> Self {
        let at = self.history.series.len();
        let key = SeriesKey {
            tag: Tag::parse_nt(tag),
            pool: Pool::Nonpaged,
        };
        let mut series = Series::new(key, CounterWidth::Bits64);
        let last = self.history.samples.len() as u64 - 1;
        for i in 0..=last {
            let bytes = from + (to - from) * i / last.max(1);
            let allocs = Some(bytes / 100);
            let usage = Usage {
                allocs: allocs.into(),
                frees: Some(0).into(),
                live: allocs.into(),
                bytes: Some(bytes).into(),
            };
            series.push(i as u32, usage);
        }
        self.history.series.push(series);
        let per_day = (to - from) as f64;
        let grows = to > from;
        self.analysis.judgements.push(Judgement {
            series: at,
            verdict,
            confidence: Some(if verdict == Verdict::Leak { 0.98 } else { 0.4 }),
            shape: grows.then_some(Shape::Linear),
            bytes: Some(to),
            outstanding: Some(to / 100),
            allocs: Some(to / 100),
            frees: Some(0),
            rate: grows.then_some(Rate {
                per_day,
                low: per_day * 0.95,
                high: per_day * 1.05,
            }),
            count_rate: None,
            horizons: HorizonRates::default(),
            onset: None,
            exhaustion: None,
            needs_s: None,
            family: None,
            rank: at as u32 + 1,
            evidence: Vec::new(),
        });
        self
    }

    /// Changes the judgement of the series added last.
    pub(crate) fn judged(mut self, change: impl FnOnce(&mut Judgement)) -> Self {
        if let Some(last) = self.analysis.judgements.last_mut() {
            change(last);
        }
        self
    }

    /// Memory counters at the end: 16 GiB of which half is available, changed by `change`.
    pub(crate) fn memory(self, change: impl FnOnce(&mut MemoryCounters)) -> Self {
        let mut memory = MemoryCounters {
            physical: Some(16 * GIB),
            available: Some(8 * GIB),
            standby: Some(6 * GIB),
            free: Some(2 * GIB),
            nonpaged_pool: Some(300 * MIB),
            paged_pool: Some(500 * MIB),
            paged_pool_resident: Some(400 * MIB),
            processes_resident: Some(6 * GIB),
            committed: Some(9 * GIB),
            commit_limit: Some(20 * GIB),
            secure_system: Some(80 * MIB),
            ..MemoryCounters::default()
        };
        change(&mut memory);
        self.fact(|facts| facts.memory = Some(memory))
    }

    /// Facts at the end.
    pub(crate) fn fact(mut self, change: impl FnOnce(&mut MomentFacts)) -> Self {
        let last = self.history.samples.len() as u32 - 1;
        if self.history.facts.last().is_none_or(|(at, _)| *at != last) {
            self.history.facts.push((last, MomentFacts::default()));
        }
        if let Some((_, facts)) = self.history.facts.last_mut() {
            change(facts);
        }
        self
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut History, &mut Analysis)) -> Self {
        change(&mut self.history, &mut self.analysis);
        self
    }

    /// Makes the first two series a family that the first one holds.
    pub(crate) fn first_two_are_a_family(self) -> Self {
        self.change(|_, analysis| {
            analysis.families.push(Family {
                id: 1,
                members: vec![0, 1],
                ratio: vec![1, 1],
                holder: Some(0),
            });
            for judgement in analysis.judgements.iter_mut().take(2) {
                judgement.family = Some(1);
            }
        })
    }

    pub(crate) fn diagnose(&self) -> Diagnosis {
        let options = Options::default();
        let input = Input {
            history: &self.history,
            analysis: &self.analysis,
            owners: &|tag, _| owners(tag),
            options: &options,
        };
        diagnose(&input)
    }

    /// The findings of one code.
    pub(crate) fn found(&self, code: &str) -> Vec<Finding> {
        self.diagnose()
            .findings
            .into_iter()
            .filter(|f| f.code == code)
            .collect()
    }
}

/// `Unkn` is unknown, `Shrd` shared, `Gpu?` a display driver's, `Flt?` a minifilter's, others parts of Windows, all else the kernel's.
pub(crate) fn owners(tag: &Tag) -> Owners {
    let mut answer = Owners::unknown(tag.clone());
    let name = tag.to_string();
    let image = match name.get(..3) {
        Some("Unk") => return answer,
        Some("Shr") => {
            answer.shared = true;
            return answer;
        }
        Some("Gpu") => "nvlddmkm.sys",
        Some("Flt") => "examplefilter.sys",
        Some("Net") => "netio.sys",
        Some("Afd") => "afd.sys",
        Some("WCs") => "wcifs.sys",
        Some("FMf") => "fltmgr.sys",
        _ => "ntoskrnl.exe",
    };
    let mut owner = Owner::new(Trust::MicrosoftList);
    owner.image = Some(image.to_owned());
    owner.vendor = Some(
        if !matches!(image, "nvlddmkm.sys" | "examplefilter.sys") {
            "Microsoft"
        } else {
            "Example"
        }
        .to_owned(),
    );
    owner.evidence = vec!["made for a test".to_owned()];
    answer.owners.push(owner);
    answer
}
