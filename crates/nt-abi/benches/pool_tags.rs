//! Time to read a class-22 buffer of 3,000 rows. `cargo bench -p nt-abi`; criterion prints the time of a buffer, the
//! line before it the nanoseconds of one row.
#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nt_abi::{PointerWidth, PoolTagRow};

const ROWS: u32 = 3_000;

fn buffer() -> Vec<u8> {
    let mut bytes = vec![0xCC; 8 + 40 * ROWS as usize];
    bytes[..4].copy_from_slice(&ROWS.to_le_bytes());
    for (index, row) in bytes[8..].chunks_exact_mut(40).enumerate() {
        row[..4].copy_from_slice(&(0x4141_4141 + index as u32).to_le_bytes());
        row[4..12].copy_from_slice(&(index as u64).to_le_bytes());
        row[32..40].copy_from_slice(&(4096 * index as u64).to_le_bytes());
    }
    bytes
}

fn collect(bytes: &[u8], rows: &mut Vec<PoolTagRow>) {
    rows.clear();
    if let Ok(table) = nt_abi::pool_tags(bytes, PointerWidth::Bits64) {
        table.for_each(|row| rows.push(row));
    }
}

fn bench(c: &mut Criterion) {
    let bytes = buffer();
    let mut rows = Vec::with_capacity(ROWS as usize);
    let rounds = 20_000_u32;
    let start = Instant::now();
    for _ in 0..rounds {
        collect(black_box(&bytes), &mut rows);
        black_box(&rows);
    }
    let each = start.elapsed().as_nanos() as f64 / f64::from(rounds) / f64::from(ROWS);
    println!("class 22, {ROWS} rows: {each:.2} ns per row");

    let mut group = c.benchmark_group("class 22");
    group.throughput(Throughput::Elements(ROWS.into()));
    group.bench_function("3000 rows", |b| b.iter(|| collect(black_box(&bytes), &mut rows)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
