//! Memory classes to memory counters in bytes. Later, better witnesses overwrite earlier ones.

use nt_abi::{BasicInfo, FileCache, MemoryList, MemoryUsage, PageFileRow, Performance};
use snapshot::MemoryCounters;

/// Class 0.
pub(crate) fn basic(memory: &mut MemoryCounters, basic: &BasicInfo) {
    memory.physical = Some(u64::from(basic.physical_pages).saturating_mul(basic.page_bytes.into()));
}

/// Class 2.
pub(crate) fn performance(memory: &mut MemoryCounters, counters: &Performance, page: u64) {
    let bytes = |pages: u32| Some(u64::from(pages).saturating_mul(page));
    memory.available = bytes(counters.available_pages);
    memory.committed = bytes(counters.committed_pages);
    memory.commit_limit = bytes(counters.commit_limit);
    memory.paged_pool = bytes(counters.paged_pool_pages);
    memory.nonpaged_pool = bytes(counters.nonpaged_pool_pages);
    // An emulated system says 0 for what it does not count.
    let counted = |pages: u32| bytes(pages).filter(|&bytes| bytes > 0);
    memory.paged_pool_resident = counted(counters.resident_paged_pool_pages);
    memory.cache = counted(counters.resident_system_cache_pages);
    memory.pool_allocations = Some([
        counters.nonpaged_pool_allocs.into(),
        counters.paged_pool_allocs.into(),
    ]);
    memory.pool_frees = Some([
        counters.nonpaged_pool_frees.into(),
        counters.paged_pool_frees.into(),
    ]);
    let locked = counters.mdl_pages_allocated.map(|mdl| {
        mdl.saturating_add(counters.contiguous_pages_allocated.unwrap_or(0))
            .saturating_mul(page)
    });
    memory.driver_locked = locked;
}

/// Class 21.
pub(crate) fn file_cache(memory: &mut MemoryCounters, cache: &FileCache) {
    memory.cache = Some(cache.current_bytes);
}

/// Class 80.
pub(crate) fn lists(memory: &mut MemoryCounters, lists: &MemoryList, page: u64) {
    let bytes = |pages: u64| Some(pages.saturating_mul(page));
    memory.free = bytes(lists.zeroed.saturating_add(lists.free));
    memory.standby = bytes(lists.standby_total());
    memory.modified = bytes(lists.modified.saturating_add(lists.modified_no_write));
}

/// Class 182, whose counters are 64 bits wide.
pub(crate) fn usage(memory: &mut MemoryCounters, usage: &MemoryUsage) {
    memory.physical = Some(usage.physical);
    memory.available = Some(usage.available);
    memory.committed = Some(usage.committed);
    memory.commit_limit = Some(usage.commit_limit);
}

/// Classes 144 and 18. No page file is a total of zero, as the kernel says.
pub(crate) fn page_files(memory: &mut MemoryCounters, files: &[PageFileRow], page: u64) {
    let sum = |pages: fn(&PageFileRow) -> u32| {
        Some(
            files
                .iter()
                .map(pages)
                .fold(0_u64, |sum, n| sum.saturating_add(n.into()))
                .saturating_mul(page),
        )
    };
    memory.page_file_total = sum(|file| file.total_pages);
    memory.page_file_used = sum(|file| file.used_pages);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_bytes_and_what_was_not_read_stays_absent() {
        let mut memory = MemoryCounters::default();
        let counters = Performance {
            available_pages: 10,
            committed_pages: 20,
            commit_limit: u32::MAX,
            paged_pool_pages: 30,
            nonpaged_pool_pages: 40,
            nonpaged_pool_allocs: 5,
            paged_pool_frees: 6,
            ..Performance::default()
        };
        performance(&mut memory, &counters, 4096);
        assert_eq!((memory.available, memory.committed), (Some(40_960), Some(81_920)));
        assert_eq!(memory.commit_limit, Some(u64::from(u32::MAX) * 4096));
        assert_eq!(
            (memory.paged_pool, memory.nonpaged_pool),
            (Some(122_880), Some(163_840))
        );
        assert_eq!(
            (memory.pool_allocations, memory.pool_frees),
            (Some([5, 0]), Some([0, 6]))
        );
        assert_eq!(
            (memory.driver_locked, memory.standby, memory.physical),
            (None, None, None)
        );

        let locked = Performance {
            mdl_pages_allocated: Some(2),
            contiguous_pages_allocated: Some(1),
            ..counters
        };
        performance(&mut memory, &locked, 4096);
        assert_eq!(memory.driver_locked, Some(3 * 4096));

        lists(
            &mut memory,
            &MemoryList {
                zeroed: 1,
                free: 2,
                standby: [1; 8],
                ..MemoryList::default()
            },
            4096,
        );
        assert_eq!(
            (memory.free, memory.standby, memory.modified),
            (Some(12_288), Some(32_768), Some(0))
        );

        page_files(&mut memory, &[], 4096);
        assert_eq!(memory.page_file_total, Some(0));
    }
}
