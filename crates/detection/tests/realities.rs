//! What happens to real machines: reboots, clocks, wraps, reloads, tags that come and go, odd sampling.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests say what they expect by panicking"
)]

mod common;

use common::{Made, START, churn, leak, of, scatter, slab, usage};
use detection::{Config, Verdict, judge};
use snapshot::{CounterWidth, Pool, Usage};

const NP: Pool = Pool::Nonpaged;
const MIB: u64 = 1024 * 1024;
const DAY: f64 = 86_400.0;

/// Checks a rate against the truth, within `part`.
fn assert_rate(made: &Made, tag: &str, per_day: f64, part: f64) {
    let rate = made.of(tag).rate.expect("a rate");
    assert!(
        (rate.per_day / per_day - 1.0).abs() <= part,
        "{tag}: {rate:?} instead of {per_day}"
    );
    assert!(rate.low <= rate.per_day && rate.per_day <= rate.high);
}

#[test]
fn words_for_plain_curves() {
    let n = 120;
    let made = Made::every(n, 60.0)
        .series("Leak", NP, leak(1_000, 40, 128))
        .series("Flat", NP, |_| usage(900, 100, 51_200))
        .series("Chrn", NP, churn)
        .series("Step", NP, |i| {
            let live = 1_000 + if i < 50 { 0 } else { 4_000 } + scatter(i, 4);
            usage(live + 50 + i as u64, 50 + i as u64, live * 100)
        })
        .series("Fill", NP, |i| {
            let live = 500 + (50_000.0 * (1.0 - (-(i as f64) / 18.0).exp())) as u64 + scatter(i, 9);
            usage(live + 70 * i as u64 + 10, 70 * i as u64 + 10, live * 64)
        })
        .series("Wave", NP, |i| {
            let live = (9_000.0 + 5_000.0 * (i as f64 / 7.0).sin()) as u64;
            usage(
                20_000 + 6_000 * i as u64,
                20_000 + 6_000 * i as u64 - live,
                live * 64,
            )
        });
    let cases = [
        ("Leak", Verdict::Leak),
        ("Flat", Verdict::Steady),
        ("Chrn", Verdict::Cycling),
        ("Step", Verdict::Stepped),
        ("Fill", Verdict::Filling),
        ("Wave", Verdict::Cycling),
    ];
    for (tag, word) in cases {
        assert_eq!(made.of(tag).verdict, word, "{tag}");
    }
    assert_eq!(made.of("Leak").rank, 1);
    assert_rate(&made, "Leak", 40.0 * 128.0 * 1440.0, 0.02);
}

#[test]
fn what_comes_back_is_no_leak() {
    // Two days at five minutes.
    let n = 576;
    let live_as_usage = |live: u64, i: usize| usage(live + 90 * i as u64 + 7, 90 * i as u64 + 7, live * 112);
    let made = Made::every(n, 300.0)
        .series("Dayy", NP, |i| {
            let hour = (i as f64 * 300.0 / 3_600.0 + 3.0) % 24.0;
            let load = (std::f64::consts::PI * hour / 24.0).sin().powi(2);
            live_as_usage(2_000 + (9_000.0 * load) as u64 + scatter(i, 60), i)
        })
        .series("Saww", NP, |i| {
            live_as_usage(3_000 + 130 * (i as u64 % 83) + scatter(i, 40), i)
        })
        .series("Brst", NP, |i| {
            let burst = if i % 97 < 3 { 20_000 } else { 0 };
            live_as_usage(1_500 + burst + scatter(i, 30), i)
        })
        .series("Warm", NP, |i| {
            let filled = 1.0 - (-(i as f64) / 60.0).exp();
            live_as_usage(800 + (40_000.0 * filled) as u64 + scatter(i, 100), i)
        })
        .series("Leak", NP, leak(0, 12, 112));
    for tag in ["Dayy", "Saww", "Brst", "Warm"] {
        let verdict = made.of(tag).verdict;
        assert!(
            matches!(verdict, Verdict::Cycling | Verdict::Filling | Verdict::Steady),
            "{tag}: {verdict:?}"
        );
    }
    assert_eq!(made.of("Leak").verdict, Verdict::Leak);
}

#[test]
fn bursts_of_one_size_are_a_leak_within_minutes() {
    // Objects lost by each event, and how many events fell between the samples of five minutes.
    let events = [0_u64, 1, 0, 2, 0, 1, 1, 0, 2, 0, 1];
    let made = Made::every(events.len(), 30.0).series("Brst", NP, |i| {
        let live = 3_500 + 305 * events[..=i].iter().sum::<u64>() + scatter(i, 9);
        let traffic = 80 * i as u64;
        usage(live + traffic, traffic, live * 624)
    });
    let judged = made.of("Brst");
    assert_eq!(judged.verdict, Verdict::Leak, "{:?}", judged.confidence);
}

#[test]
fn what_cannot_be_told_yet_says_how_long_it_takes() {
    let growing = |samples: usize, noise: u64| {
        Made::every(samples, 30.0)
            .series("Grow", NP, move |i| {
                let live = 5_000 + 40 * i as u64 + scatter(i, noise);
                usage(live + 500, 500, live * 200)
            })
            .of("Grow")
    };
    let few = growing(4, 10);
    assert_eq!(few.verdict, Verdict::Insufficient);
    // Eleven samples are the shortest useful recording.
    assert!(few.needs_s.is_some_and(|s| s >= 7.0 * 30.0), "{:?}", few.needs_s);
    // Under noise some of it stays open; an hour tells all of it.
    let noises = [40, 60, 80, 100, 120, 150, 200];
    let minutes = noises
        .iter()
        .flat_map(|&n| (5..12).map(move |samples| (samples, n)));
    let open = minutes.filter(|&(samples, n)| growing(samples, n).needs_s.is_some_and(|s| s > 0.0));
    assert!(open.count() > 0);
    for noise in noises {
        assert_eq!(growing(120, noise).verdict, Verdict::Leak, "{noise}");
    }
}

#[test]
fn degenerate_inputs_are_answered() {
    let none = judge(&snapshot::History::default(), &Config::default());
    assert!(none.judgements.is_empty());
    for n in 1..=6 {
        let made = Made::every(n, 30.0)
            .series("Leak", NP, leak(10, 50, 64))
            .series("Gone", NP, |_| Usage::ABSENT);
        for j in made.judge().judgements {
            assert!(j.confidence.is_none_or(|c| (0.0..=1.0).contains(&c)));
            if n < 5 {
                assert_eq!(j.verdict, Verdict::Insufficient, "{n} samples");
                assert!(j.needs_s.is_some_and(|s| s > 0.0));
            }
        }
    }
    // All samples at the same moment, and counters at the ends of their range.
    let made = Made::at([START; 40]).series("Same", NP, leak(10, 50, 64)).wide(
        "Huge",
        NP,
        CounterWidth::Bits64,
        |i| usage(u64::MAX - 1, i as u64, u64::MAX - 2 - i as u64),
    );
    assert_eq!(made.judge().judgements.len(), 2);
}

#[test]
fn the_same_input_gives_the_same_output() {
    let made = Made::every(200, 60.0)
        .series("Leak", NP, leak(5, 9, 80))
        .series("Chrn", NP, churn);
    assert_eq!(made.judge(), made.judge());
}

#[test]
fn a_reboot_ends_one_leak_and_begins_another() {
    // Boot 0 for 200 samples, boot 1 for 100: counters begin anew, growth goes on at the same rate.
    let made = Made::every(300, 60.0)
        .boots(&[(0, 0, 500.0), (200, 1, 60.0)])
        .series("Leak", NP, |i| {
            leak(100, 30, 256)(if i < 200 { i + 40 } else { i - 200 })
        })
        .series("Chrn", NP, churn);
    let judgement = made.of("Leak");
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert_rate(&made, "Leak", 30.0 * 256.0 * 1440.0, 0.03);
    assert_eq!(made.of("Chrn").verdict, Verdict::Cycling);
}

#[test]
fn a_cache_that_filled_after_every_boot_is_no_leak() {
    // In each boot the cache grows evenly for two hours and then stands; the last boot is two hours old.
    let cache = |minute: usize| {
        let live = 300 + 100 * minute.min(120) as u64 + scatter(minute, 9);
        usage(live + 40 * minute as u64, 40 * minute as u64, live * 512)
    };
    let made = Made::every(1_120, 60.0)
        .boots(&[(0, 0, 30.0), (500, 1, 30.0), (1_000, 2, 30.0)])
        .series("Cach", NP, |i| {
            cache(if i < 500 {
                i
            } else if i < 1_000 {
                i - 500
            } else {
                i - 1_000
            })
        })
        .series("Leak", NP, |i| {
            leak(100, 30, 256)(if i < 500 {
                i / 50
            } else if i < 1_000 {
                (i - 500) / 50
            } else {
                i - 1_000
            })
        });
    assert_eq!(made.of("Cach").verdict, Verdict::Filling);
    assert_eq!(
        made.of("Leak").verdict,
        Verdict::Leak,
        "no earlier boot grew like this"
    );
}

#[test]
fn clock_jumps_do_not_bend_a_line() {
    let jump = |at: usize, by: f64| move |i: usize| START + i as f64 * 60.0 + if i >= at { by } else { 0.0 };
    for (what, by) in [
        ("back an hour", -3600.0),
        ("forward a year", 365.0 * DAY),
        ("back a year", -365.0 * DAY),
    ] {
        let time = jump(100, by);
        let mut made = Made::at((0..240).map(time))
            .series("Leak", NP, leak(0, 25, 100))
            .series("Chrn", NP, churn);
        assert_eq!(made.of("Leak").verdict, Verdict::Leak, "{what}");
        assert_rate(&made, "Leak", 25.0 * 100.0 * 1440.0, 0.03);
        assert_ne!(made.of("Chrn").verdict, Verdict::Leak, "{what}");
        // With uptime the clock does not matter at all.
        for (i, sample) in made.history.samples.iter_mut().enumerate() {
            sample.uptime_s = Some(1_000.0 + 60.0 * i as f64);
            sample.boot = Some(0);
        }
        assert_rate(&made, "Leak", 25.0 * 100.0 * 1440.0, 0.02);
    }
}

#[test]
fn sleep_is_a_gap_and_not_a_slope() {
    // Ten hours of sleep in the middle of two hours of recording; the tag grew a little right after waking.
    let time = |i: usize| START + i as f64 * 60.0 + if i >= 60 { 36_000.0 } else { 0.0 };
    let mut made = Made::at((0..120).map(time))
        .series("Leak", NP, leak(0, 25, 100))
        .series("Flat", NP, |i| {
            usage(
                1_000 + u64::from(i >= 60) * 40,
                100,
                64_000 + u64::from(i >= 60) * 2_560,
            )
        });
    made.history.samples[60].after_gap = true;
    assert_rate(&made, "Leak", 25.0 * 100.0 * 1440.0, 0.03);
    assert_eq!(made.of("Leak").verdict, Verdict::Leak);
    assert!(!matches!(
        made.of("Flat").verdict,
        Verdict::Leak | Verdict::Suspect
    ));
}

#[test]
fn a_reloaded_driver_starts_its_counters_anew() {
    // Reloaded at sample 40 with everything given back; the leak goes on.
    let made = Made::every(200, 30.0)
        .series("Leak", NP, |i| {
            leak(5_000, 60, 96)(if i < 40 { i + 500 } else { i - 40 })
        })
        .series("Tidy", NP, |i| {
            let i = if i < 90 { i } else { i - 90 };
            usage(400 + 30 * i as u64, 30 * i as u64 + 10, 390 * 64)
        });
    let judgement = made.of("Leak");
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert_rate(&made, "Leak", 60.0 * 96.0 * 2880.0, 0.03);
    assert!(judgement.evidence.iter().any(|e| e.name == "counter_restarts"));
    assert_eq!(made.of("Tidy").verdict, Verdict::Steady);
}

#[test]
fn counters_wrap_at_32_bits() {
    for width in [CounterWidth::Bits32, CounterWidth::Unknown] {
        let base = (1_u64 << 32) - 3_000;
        let made = Made::every(120, 60.0).wide("Leak", NP, width, leak(base, 50, 64));
        let judgement = made.of("Leak");
        assert_eq!(judgement.verdict, Verdict::Leak, "{width:?}");
        assert!(
            judgement.evidence.iter().all(|e| e.name != "counter_restarts"),
            "{width:?}"
        );
    }
}

#[test]
fn counters_that_wrap_several_times_a_sample_are_seen_from_their_rate() {
    use detection::reduce::{Advance, advance};
    let wrap = 4_294_967_296.0;
    // (old, new, width, expected, advance)
    let cases = [
        (10, 30, CounterWidth::Bits32, None, Advance::By(20.0)),
        (4_294_967_290, 4, CounterWidth::Bits32, None, Advance::By(10.0)),
        (4_294_967_290, 4, CounterWidth::Unknown, None, Advance::By(10.0)),
        (
            10,
            30,
            CounterWidth::Bits32,
            Some(3.1 * wrap),
            Advance::By(3.0 * wrap + 20.0),
        ),
        (
            2_000_000_000,
            1_000_000_000,
            CounterWidth::Bits32,
            Some(3.2e9),
            Advance::By(3_294_967_296.0),
        ),
        (
            2_000_000_000,
            1_000_000_000,
            CounterWidth::Bits32,
            Some(1e4),
            Advance::Restart,
        ),
        (2_000_000_000, 5, CounterWidth::Bits64, None, Advance::Restart),
        (
            1 << 40,
            (1 << 40) + 7,
            CounterWidth::Unknown,
            None,
            Advance::By(7.0),
        ),
        (1 << 40, 7, CounterWidth::Unknown, None, Advance::Restart),
    ];
    for (old, new, width, expected, result) in cases {
        assert_eq!(
            advance(old, new, width, expected),
            result,
            "{old} {new} {width:?} {expected:?}"
        );
    }
}

#[test]
fn a_tag_that_appears_is_judged_from_there() {
    let made = Made::every(300, 30.0).series("Late", NP, |i| {
        if i < 150 {
            Usage::ABSENT
        } else {
            leak(0, 40, 200)(i - 150)
        }
    });
    let judgement = made.of("Late");
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert_eq!(judgement.onset, Some(made.history.samples[150].at));
    assert_rate(&made, "Late", 40.0 * 200.0 * 2880.0, 0.02);
}

#[test]
fn a_tag_that_disappears_holds_nothing() {
    let made = Made::every(300, 30.0).series("Gone", NP, |i| {
        if i < 200 {
            leak(0, 40, 200)(i)
        } else {
            Usage::ABSENT
        }
    });
    let judgement = made.of("Gone");
    assert!(!matches!(
        judgement.verdict,
        Verdict::Leak | Verdict::Suspect | Verdict::Unfreed
    ));
    assert_eq!(judgement.bytes, None);
}

#[test]
fn irregular_and_thinned_samples_lie_on_one_line() {
    // Hourly for four days, every five minutes for six hours, then every 30 s for one hour.
    let mut times: Vec<f64> = (0..96).map(|i| START + f64::from(i) * 3600.0).collect();
    let last = times[95];
    times.extend((1..=72).map(|i| last + f64::from(i) * 300.0));
    let last = times[times.len() - 1];
    times.extend((1..=120).map(|i| last + f64::from(i) * 30.0 + f64::from(i % 3)));
    let of_time = times.clone();
    let made = Made::at(times)
        .series("Leak", NP, move |i| {
            let live = ((of_time[i] - START) / 10.0) as u64;
            usage(live + 9 * i as u64, 9 * i as u64, live * 128)
        })
        .series("Chrn", NP, churn);
    assert_eq!(made.of("Leak").verdict, Verdict::Leak);
    assert_rate(&made, "Leak", DAY / 10.0 * 128.0, 0.02);
    assert_ne!(made.of("Chrn").verdict, Verdict::Leak);
}

#[test]
fn tables_without_times_have_no_rates() {
    let mut made = Made::every(24, 1.0).series("Leak", NP, leak(0, 500, 200));
    made.history.clock_known = false;
    let judgement = made.of("Leak");
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert_eq!(
        (judgement.rate, judgement.onset, judgement.horizons.minute),
        (None, None, None)
    );
}

#[test]
fn small_leaks_of_objects_are_found_in_time() {
    // Slab caches at 1-second samples: (objects a second, seconds until it must be found).
    for (rate, seconds) in [(1, 180), (10, 60), (100, 30)] {
        let made = Made::every(seconds + 1, 1.0)
            .wide("sock_inode_cache", Pool::Slab, CounterWidth::Bits64, |i| {
                let live = 350 + rate * i as u64 + scatter(i, 2);
                slab(live, live.div_ceil(19) * 16_384)
            })
            .wide("dentry", Pool::SlabReclaimable, CounterWidth::Bits64, |i| {
                let live = 90_000 + 40 * i as u64;
                slab(live, live * 192)
            });
        assert_eq!(
            made.of("sock_inode_cache").verdict,
            Verdict::Leak,
            "{rate} a second"
        );
        assert_ne!(made.of("dentry").verdict, Verdict::Leak);
    }
}

#[test]
fn kilobytes_within_minutes_of_a_boot_are_not_called_a_leak() {
    // A tag that gains an object of a hundred bytes or so every second, samples five seconds apart:
    // (samples, uptime at the first, allocations before it, word).
    let cases = [
        (24, Some(60.0), 500, Verdict::Insufficient),
        (900, Some(60.0), 500, Verdict::Leak),
        (24, Some(86_400.0), 500, Verdict::Leak),
        // Without an uptime the share of all allocations that fell into the window tells it.
        (24, None, 500, Verdict::Insufficient),
        (24, None, 500_000, Verdict::Leak),
    ];
    for (samples, uptime, before, word) in cases {
        let made = Made::every(samples, 5.0).series("Warm", NP, |i| {
            let grown = 5 * i as u64;
            usage(before + grown, before - 400, 40_000 + 150 * grown)
        });
        let made = match uptime {
            Some(uptime) => made.boots(&[(0, 0, uptime)]),
            None => made,
        };
        assert_eq!(made.of("Warm").verdict, word, "{samples} {uptime:?} {before}");
    }
}

/// Whether the interval of a tag's rate holds `per_day`.
fn holds(made: &Made, tag: &str, per_day: f64) -> bool {
    made.of(tag)
        .rate
        .is_some_and(|rate| rate.low <= per_day && per_day <= rate.high)
}

#[test]
fn intervals_allow_for_jumps_and_rates_for_a_cache_that_fills() {
    let samples = 200;
    let per_day = |bytes_per_sample: f64| bytes_per_sample * 86_400.0 / 30.0;
    // A timer that loses the same at each tick: how much of the next tick is due at either end is open.
    let ticking = |every: usize, phase: usize| {
        Made::every(samples, 30.0).series("Tick", NP, move |i| {
            let lost = 6_400 * ((i + phase) / every) as u64;
            usage(900 + lost / 64, 0, MIB + lost)
        })
    };
    for (every, phase) in [(17, 0), (17, 8), (30, 5), (30, 25)] {
        let truth = per_day(6_400.0 / every as f64);
        assert!(holds(&ticking(every, phase), "Tick", truth), "{every} {phase}");
    }
    // A cache fills under the leak and is full after a fifth of the time.
    let over_cache = Made::every(samples, 30.0).series("Cach", NP, |i| {
        let filled = 2e6 * (1.0 - (-(i as f64) / 12.0).exp());
        let bytes = MIB + 20_000 * i as u64 + filled as u64 + scatter(i, 4_000);
        usage(bytes / 64, 0, bytes)
    });
    assert_rate(&over_cache, "Cach", per_day(20_000.0), 0.05);
    assert!(holds(&over_cache, "Cach", per_day(20_000.0)));
}

#[test]
fn slabs_left_empty_by_others_do_not_hide_a_leak() {
    // Objects grow by one a second into slabs that an earlier program left behind; the bytes shrink meanwhile.
    let made = Made::every(181, 1.0).wide("signal_cache", Pool::Slab, CounterWidth::Bits64, |i| {
        let live = 196 + i as u64 + scatter(i, 3);
        let left = 28 - (i as u64 / 4).min(14);
        slab(live, left.max(live.div_ceil(28)) * 32_768)
    });
    assert_eq!(made.of("signal_cache").verdict, Verdict::Leak);
}

#[test]
fn growing_size_is_told_from_growing_count() {
    // A table that is reallocated ever larger: bytes grow, objects do not.
    let made = Made::every(200, 30.0).series("Tabl", NP, |i| {
        usage(
            100 + i as u64,
            90 + i as u64,
            MIB + 60_000 * i as u64 + scatter(i, 900),
        )
    });
    let judgement = made.of("Tabl");
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert!(judgement.count_rate.is_none_or(|r| r.per_day.abs() < 1.0));
    let growth = |name: &str| {
        judgement
            .evidence
            .iter()
            .find(|e| e.name == name)
            .map(|e| e.value)
    };
    assert!(growth("floor_growth_bytes").is_some_and(|g| g > 10e6));
    assert_eq!(growth("floor_growth_count").unwrap_or(0.0), 0.0);
}

#[test]
fn horizons_disagree_when_growth_stopped() {
    // Grew for two hours, stands for the last hour.
    let made = Made::every(181, 60.0)
        .boots(&[(0, 0, 3_600.0)])
        .series("Stop", NP, |i| leak(0, 50, 100)(i.min(120)));
    let h = made.of("Stop").horizons;
    assert!(h.hour.is_some_and(|r| r.abs() < 1e6), "{h:?}");
    assert!(h.boot.is_some_and(|r| r > 1e6));
    assert_eq!(h.day, None, "the recording does not cover a day");
    let analysis = made.judge();
    assert_ne!(of(&made.history, &analysis, "Stop").verdict, Verdict::Leak);
}
