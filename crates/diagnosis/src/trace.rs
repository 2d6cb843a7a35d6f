//! The recording profile for a stack trace of suspect tags.

use snapshot::Tag;

/// Windows Performance Recorder filters on at most this many tags
/// (<https://learn.microsoft.com/windows-hardware/test/wpt/pooltags>).
pub const TRACE_TAGS: usize = 4;

/// A Windows Performance Recorder profile (`.wprp`) that records stacks of pool allocations and frees of `tags` alone.
/// Tags beyond [`TRACE_TAGS`] and tags that XML cannot hold are left out; `None` when none is left.
///
/// Elements and their order: <https://learn.microsoft.com/windows-hardware/test/wpt/systemprovider>.
#[must_use]
pub fn trace_profile(tags: &[&Tag]) -> Option<String> {
    let rows: Vec<String> = tags
        .iter()
        .filter_map(|tag| xml_tag(tag))
        .take(TRACE_TAGS)
        .map(|tag| format!("        <PoolTag Value=\"{tag}\"/>\n"))
        .collect();
    if rows.is_empty() {
        return None;
    }
    Some(format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<WindowsPerformanceRecorder Version="1.0" Author="poolscope">
  <Profiles>
    <SystemCollector Id="Collector" Name="NT Kernel Logger">
      <BufferSize Value="1024"/>
      <Buffers Value="512"/>
    </SystemCollector>
    <SystemProvider Id="Provider">
      <Keywords>
        <Keyword Value="ProcessThread"/>
        <Keyword Value="Loader"/>
        <Keyword Value="Pool"/>
      </Keywords>
      <Stacks>
        <Stack Value="PoolAllocation"/>
        <Stack Value="PoolFree"/>
      </Stacks>
      <PoolTags>
{}      </PoolTags>
    </SystemProvider>
    <Profile Id="PoolTags.Verbose.File" Name="PoolTags" DetailLevel="Verbose" LoggingMode="File" Description="Stacks of suspect pool tags">
      <Collectors>
        <SystemCollectorId Value="Collector">
          <SystemProviderId Value="Provider"/>
        </SystemCollectorId>
      </Collectors>
    </Profile>
  </Profiles>
</WindowsPerformanceRecorder>
"#,
        rows.concat()
    ))
}

/// A tag as an attribute value. Bytes that XML or the profile cannot hold make it `None`.
fn xml_tag(tag: &Tag) -> Option<String> {
    let bytes = tag.nt_bytes()?;
    bytes.iter().all(|b| (0x20..0x7F).contains(b)).then(|| {
        bytes
            .iter()
            .map(|&b| match b {
                b'&' => "&amp;".to_owned(),
                b'<' => "&lt;".to_owned(),
                b'>' => "&gt;".to_owned(),
                b'"' => "&quot;".to_owned(),
                other => (other as char).to_string(),
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_four_printable_tags_escaped() {
        let tags: Vec<Tag> = [*b"NtFC", *b"a&\"<", *b"Pro\xE3", *b"Irp ", *b"Five", *b"Six "]
            .map(Tag::from_nt)
            .to_vec();
        let profile = trace_profile(&tags.iter().collect::<Vec<_>>()).unwrap();
        let values: Vec<_> = profile
            .lines()
            .filter(|l| l.contains("<PoolTag "))
            .map(str::trim)
            .collect();
        assert_eq!(
            values,
            [
                "<PoolTag Value=\"NtFC\"/>",
                "<PoolTag Value=\"a&amp;&quot;&lt;\"/>",
                "<PoolTag Value=\"Irp \"/>",
                "<PoolTag Value=\"Five\"/>"
            ]
        );
        assert!(trace_profile(&[&Tag::from_bytes(b"ext4_inode_cache")]).is_none());
    }
}
