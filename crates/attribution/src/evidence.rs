//! The sentences that say why an owner is named.

use driver_scan::{Certainty, TagUse};

use crate::{Known, Trust, families::citation};

/// What the knowledge table's row rests on, best source first.
pub(crate) fn of_known(known: &Known) -> (Trust, String) {
    let mut best = (Trust::Inference, String::new());
    let mut sentences = Vec::new();
    for key in known.sources() {
        let (trust, sentence) = of_source(key, known);
        if sentences.is_empty() || trust < best.0 {
            best.0 = trust;
        }
        sentences.push((trust, sentence));
    }
    // A row that is inferred or unconfirmed stays so, whatever else stands beside it.
    if known
        .sources()
        .any(|key| matches!(key, "inferred" | "unconfirmed"))
    {
        best.0 = Trust::Inference;
    }
    sentences.sort_by_key(|(trust, _)| *trust);
    best.1 = sentences
        .into_iter()
        .map(|(_, s)| s)
        .take(2)
        .collect::<Vec<_>>()
        .join("; ");
    if known.is_wildcard() {
        let pattern = String::from_utf8_lossy(&known.pattern).replace('\0', "\\0");
        best.1.push_str(&format!(" (by the pattern {pattern})"));
    }
    best
}

fn of_source(key: &str, known: &Known) -> (Trust, String) {
    let file = if known.file.is_empty() {
        "the component, but no file"
    } else {
        known.file
    };
    if let Some(name) = key.strip_prefix("oss:") {
        return (
            Trust::DriverSource,
            format!("the published source of {name} defines the tag"),
        );
    }
    if let Some(years) = key.strip_prefix("ms") {
        let which = match years.split_once('-') {
            Some((first, last)) => format!("generations {first} to {last}"),
            None => format!("generation {years}"),
        };
        return (
            Trust::MicrosoftList,
            format!("Microsoft's pooltag.txt ({which}) names {file}"),
        );
    }
    if let Some(name) = key.strip_prefix("gh:") {
        let address = citation(name).map_or_else(|| name.to_string(), str::to_string);
        return (
            Trust::PublicReport,
            format!("a public report names it: {address}"),
        );
    }
    match key {
        "wds" => (
            Trust::PublicReport,
            "a driver sample of Microsoft's uses it, and so do drivers that began as a copy".into(),
        ),
        "binscan" => (
            Trust::PublicReport,
            format!("a published binary of {file} calls an allocation routine with it"),
        ),
        "reactos" => (
            Trust::PublicReport,
            "the source of ReactOS, another NT-type kernel, uses it".into(),
        ),
        "inferred" => (
            Trust::Inference,
            "concluded from its neighbours; no list or source has it".into(),
        ),
        "unconfirmed" => (
            Trust::Inference,
            "somebody says so; no list, source or binary confirms it".into(),
        ),
        other => (Trust::PublicReport, format!("the tag table of {other} has it")),
    }
}

/// What a driver's code shows about one tag.
pub(crate) fn of_code(file: &str, uses: &[&TagUse]) -> Option<(Certainty, String)> {
    let best = uses.iter().min_by_key(|u| (u.certainty, u.rva))?;
    let how = match best.certainty {
        Certainty::Direct => "the constant is written right before the call",
        Certainty::Dataflow => "the constant reaches the call through the code",
        Certainty::Wrapper => "the constant is passed to a function that passes it on",
        Certainty::ParameterBlock => "the constant stands in the structure that is passed",
        Certainty::Framework => "the framework allocates under it for the driver",
        Certainty::Bytes => {
            let sentence = format!(
                "{file} holds the four bytes at +{:#x}, but no call with them was found: that may be chance",
                best.rva
            );
            return Some((Certainty::Bytes, sentence));
        }
    };
    let calls = uses.iter().filter(|u| u.certainty != Certainty::Bytes).count();
    let more = match calls {
        0 | 1 => String::new(),
        2 => ", and one more call".into(),
        n => format!(", and {} more calls", n - 1),
    };
    let routine = if best.routine.is_empty() {
        "an allocation routine"
    } else {
        &best.routine
    };
    Some((
        best.certainty,
        format!("code of {file}: {routine} at +{:#x}, {how}{more}", best.rva),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Confidence;

    fn row(source: &'static str) -> Known {
        Known {
            pattern: *b"Abc?",
            file: "a.sys",
            component: "c",
            vendor: "",
            source,
            confidence: Confidence::High,
        }
    }

    #[test]
    fn sources_decide_the_trust() {
        let cases = [
            ("ms2017-2025", Trust::MicrosoftList),
            ("ms2003,oss:npcap", Trust::DriverSource),
            ("binscan", Trust::PublicReport),
            ("gh:wcifs,inferred", Trust::Inference),
            ("unconfirmed", Trust::Inference),
            ("drakvuf", Trust::PublicReport),
        ];
        for (source, trust) in cases {
            let (found, sentence) = of_known(&row(source));
            assert_eq!(found, trust, "{source}");
            assert!(sentence.contains("by the pattern Abc?"), "{sentence}");
        }
    }

    #[test]
    fn code_is_told_from_bytes() {
        let use_of = |certainty, rva| TagUse {
            tag: *b"Abcd",
            routine: "ExAllocatePoolWithTag".into(),
            rva,
            certainty,
        };
        let (wrapper, direct, bytes) = (
            use_of(Certainty::Wrapper, 1),
            use_of(Certainty::Direct, 0x20),
            use_of(Certainty::Bytes, 3),
        );
        let (certainty, sentence) = of_code("a.sys", &[&wrapper, &direct, &bytes]).unwrap();
        assert_eq!(certainty, Certainty::Direct);
        assert!(
            sentence.contains("+0x20") && sentence.contains("one more call"),
            "{sentence}"
        );
        assert_eq!(of_code("a.sys", &[&bytes]).unwrap().0, Certainty::Bytes);
        assert_eq!(of_code("a.sys", &[]), None);
    }
}
