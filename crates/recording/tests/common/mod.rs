//! A made-up kernel whose counters move like those of a real one: some tags busy, most still, sizes fixed by tag.
#![allow(dead_code, reason = "each test uses a part")]

use snapshot::{
    BootId, Counter, CounterWidth, HostFacts, MemoryCounters, MomentFacts, OsKind, Pool, Snapshot, Tag,
    TagUsage, Timestamp, Usage,
};

/// Numbers that look random and are the same in every run (SplitMix64, Steele et al. 2014).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

struct Site {
    tag: Tag,
    pool: Pool,
    /// Usual allocations in one sample.
    busy: u64,
    /// Object sizes.
    sizes: [u64; 2],
    allocs: u64,
    frees: u64,
    bytes: u64,
}

/// The kernel.
pub(crate) struct Kernel {
    rng: Rng,
    sites: Vec<Site>,
    /// Tags of 1,000 that change in one sample.
    changing: u64,
    pub(crate) at: i64,
    pub(crate) interval_s: i64,
    pub(crate) boot: u32,
    uptime_s: f64,
}

impl Kernel {
    pub(crate) fn new(tags: usize, changing: u64, interval_s: i64) -> Self {
        let mut rng = Rng(7);
        let sites = (0..tags)
            .map(|n| {
                let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
                let letter = |n: usize| letters[n % letters.len()];
                let tag = [b'T', letter(n), letter(n / 52), letter(n / 2704)];
                let live = rng.below(5_000);
                let size = 32 + 16 * rng.below(60);
                // Busyness spans five decades, as on a real machine.
                let busy = 1 << rng.below(16);
                let allocs = live + rng.below(1 << 24);
                Site {
                    tag: Tag::from_nt(tag),
                    pool: if n % 3 == 0 { Pool::Paged } else { Pool::Nonpaged },
                    busy,
                    sizes: [size, if n % 4 == 0 { size * 3 } else { size }],
                    allocs,
                    frees: allocs - live,
                    bytes: live * size,
                }
            })
            .collect();
        Self {
            rng,
            sites,
            changing,
            at: 1_760_000_000,
            interval_s,
            boot: 1,
            uptime_s: 100.0,
        }
    }

    pub(crate) fn host() -> HostFacts {
        HostFacts {
            os: Some(OsKind::Windows),
            name: Some("TESTHOST".into()),
            ..HostFacts::default()
        }
    }

    pub(crate) fn reboot(&mut self) {
        self.boot += 1;
        self.uptime_s = 0.0;
        for site in &mut self.sites {
            (site.allocs, site.frees, site.bytes) = (0, 0, 0);
        }
    }

    /// The next sample.
    pub(crate) fn sample(&mut self) -> Snapshot {
        self.at += self.interval_s;
        self.uptime_s += self.interval_s as f64;
        let mut rows = Vec::with_capacity(self.sites.len());
        for site in &mut self.sites {
            if self.rng.below(1000) < self.changing {
                let allocs = self.rng.below(site.busy) + 1;
                let live = site.allocs - site.frees;
                let frees = (allocs / 2 + self.rng.below(allocs + 1)).min(live + allocs);
                let size = site.sizes[(self.rng.next() % 2) as usize];
                site.allocs += allocs;
                site.frees += frees;
                site.bytes = (site.bytes + allocs * size).saturating_sub(frees * size);
            }
            let usage = Usage {
                allocs: Counter::new(site.allocs),
                frees: Counter::new(site.frees),
                live: Counter::UNKNOWN,
                bytes: Counter::new(site.bytes),
            };
            rows.push(TagUsage {
                tag: site.tag.clone(),
                pool: site.pool,
                usage,
            });
        }
        let memory = MemoryCounters {
            physical: Some(32 << 30),
            available: Some((8 << 30) + 4096 * self.rng.below(10_000)),
            committed: Some((20 << 30) + 4096 * self.rng.below(10_000)),
            commit_limit: Some(40 << 30),
            nonpaged_pool: Some((1 << 30) + 4096 * self.rng.below(1_000)),
            paged_pool: Some((1 << 30) + 4096 * self.rng.below(1_000)),
            ..MemoryCounters::default()
        };
        Snapshot {
            taken_at: Some(Timestamp::from_unix_seconds(self.at)),
            kernel_uptime_s: Some(self.uptime_s),
            boot: Some(BootId(format!("boot-{}", self.boot))),
            width: CounterWidth::Bits64,
            rows,
            facts: MomentFacts {
                memory: Some(memory),
                ..MomentFacts::default()
            },
            problems: Vec::new(),
        }
    }
}
