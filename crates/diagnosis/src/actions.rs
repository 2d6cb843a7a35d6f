//! What to do next: a fixed order, and each step only where the evidence points there.

use detection::{Shape, Verdict};
use snapshot::{OsKind, SourceKind, Tag};

use crate::findings::Context;
use crate::trace::TRACE_TAGS;
use crate::words::{bytes, count, duration, list};
use crate::{Action, Finding, JudgedSeries, Severity};

/// Images that belong to display drivers and the GPU memory manager.
const GPU: [&str; 9] = [
    "dxgmms1.sys",
    "dxgmms2.sys",
    "dxgkrnl.sys",
    "nvlddmkm.sys",
    "amdkmdag.sys",
    "atikmdag.sys",
    "igdkmd",
    "igfxn",
    "watchdog.sys",
];
/// Images of the network stack and of Wi-Fi and network drivers.
const NETWORK: [&str; 20] = [
    "ndis.sys",
    "netio.sys",
    "tcpip.sys",
    "netadaptercx.sys",
    "nwifi.sys",
    "vwifi",
    "netwtw",
    "rtw",
    "rt640",
    "rtl8",
    "athw",
    "qcwlan",
    "bcm",
    "e1",
    "e2",
    "mrvl",
    "mtkwl",
    "netr28",
    "npcap",
    "windivert",
];
/// Images whose allocations a program asks for and can keep, although no driver is at fault.
const ON_BEHALF: [(&[&str], &str, &str, &str); 3] = [
    (
        &["afd.sys"],
        "Find the program whose sockets keep it: one that does not read what arrives, writes to a peer that does not \
         take it, or never closes. Stop it and see whether the memory comes back.",
        "sockets and their data, kept for programs",
        "powershell \"Get-NetTCPConnection | Group-Object OwningProcess -NoElement | Sort-Object Count -Descending | Select-Object -First 10\"",
    ),
    (
        &["win32k.sys", "win32kfull.sys", "win32kbase.sys"],
        "Find the program that keeps drawing objects: Task Manager, Details, columns GDI objects and USER objects. Stop it \
         and see whether the memory comes back.",
        "drawing objects, kept for programs",
        "",
    ),
    (
        &["http.sys"],
        "Find the web server whose requests are kept: its queues and connections.",
        "requests and connections, kept for programs",
        "netsh http show servicestate",
    ),
];
/// Images of containers, virtual machines and their switches.
const HYPERV: [&str; 9] = [
    "wcifs.sys",
    "bindflt.sys",
    "vmswitch.sys",
    "vid.sys",
    "hvsocket.sys",
    "vhdmp.sys",
    "lxcore.sys",
    "p9rdr.sys",
    "wcnfs.sys",
];
/// Images of Defender and of the filter manager, whose caches grow on behalf of scanners.
const SCANNERS: [&str; 3] = ["wdfilter.sys", "fltmgr.sys", "wdnisdrv.sys"];

/// The steps for these findings.
pub(crate) fn in_order(context: &Context<'_>, findings: &[Finding]) -> Vec<Action> {
    let blamed = blamed(context, findings);
    let mut out = Vec::new();
    if context.draft.source.os == Some(OsKind::Linux) {
        out.extend(processes(findings));
        out.extend(elsewhere(findings));
        out.extend(record_longer(context, findings));
        return out;
    }
    out.extend(gpu(context, &blamed, findings));
    out.extend(network(&blamed));
    out.extend(hyperv(context, &blamed));
    out.extend(scanner(&blamed));
    out.extend(feedback_hub(context, &blamed));
    out.extend(on_behalf(&blamed));
    out.extend(processes(findings));
    out.extend(elsewhere(findings));
    out.extend(restart(context, &blamed, findings));
    out.extend(session(context, findings));
    out.extend(filter(context, &blamed));
    out.extend(trace(&blamed));
    out.extend(unknown(context, &blamed));
    out.extend(record_longer(context, findings));
    out
}

/// Series that findings of weight name.
fn blamed<'a>(context: &Context<'a>, findings: &[Finding]) -> Vec<&'a JudgedSeries> {
    let heavy = |f: &&Finding| {
        f.severity <= Severity::Warning && (f.code.starts_with("PS01") || f.code.starts_with("PS02"))
    };
    let names: Vec<&String> = findings.iter().filter(heavy).flat_map(|f| &f.series).collect();
    context
        .draft
        .series
        .iter()
        .filter(|s| names.contains(&&s.name()))
        .collect()
}

/// Series whose first owner, or whose family's holder, is one of these images (or begins like it).
fn owned_by<'a>(blamed: &[&'a JudgedSeries], images: &[&str]) -> Vec<&'a JudgedSeries> {
    let fits = |image: &str| {
        let image = image.to_lowercase();
        images.iter().any(|i| {
            if i.ends_with(".sys") {
                image == *i
            } else {
                image.starts_with(i)
            }
        })
    };
    blamed
        .iter()
        .copied()
        .filter(|s| !s.owners.shared)
        .filter(|s| {
            s.owners
                .owners
                .first()
                .and_then(|o| o.image.as_deref())
                .is_some_and(fits)
        })
        .collect()
}

fn names(series: &[&JudgedSeries]) -> String {
    let tags: Vec<String> = series
        .iter()
        .map(|s| format!("{} ({})", s.name(), s.owner().unwrap_or_default()))
        .collect();
    list(&tags, 4)
}

/// `A belongs to …`, `A and B belong to …`.
fn belongs(series: &[&JudgedSeries], to: &str) -> String {
    let sentence = format!(
        "{} {} {to}.",
        names(series),
        verb(series.len(), "belongs", "belong")
    );
    if series.len() == 1 {
        sentence.replace(" or hang on", " or hangs on")
    } else {
        sentence
    }
}

const fn verb(n: usize, one: &'static str, many: &'static str) -> &'static str {
    if n == 1 { one } else { many }
}

fn action(text: &str, why: String) -> Action {
    Action {
        text: text.to_owned(),
        why,
        command: None,
    }
}

fn gpu(context: &Context<'_>, blamed: &[&JudgedSeries], findings: &[Finding]) -> Option<Action> {
    let owned = owned_by(blamed, &GPU);
    let dead_processes = findings
        .iter()
        .any(|f| f.code == "PS0202" && f.series.iter().any(|s| s.starts_with("Proc/")));
    let why = if !owned.is_empty() {
        belongs(&owned, "to the display stack")
    } else if dead_processes {
        "Dead processes are kept by references; display drivers have done that.".to_owned()
    } else {
        return None;
    };
    let drivers = context.draft.drivers.iter().flat_map(|d| &d.third_party);
    let files: Vec<String> = drivers
        .filter_map(|d| d.driver.file.as_deref())
        .map(str::to_lowercase)
        .collect();
    let arc = files.iter().any(|f| f.starts_with("igdkmdn"));
    let text = if arc {
        "Update the GPU driver (Intel Arc/DG2 drivers have known leaks), or try an older one."
    } else {
        "Update the GPU driver, or try an older one."
    };
    Some(action(text, why))
}

fn network(blamed: &[&JudgedSeries]) -> Option<Action> {
    let owned = owned_by(blamed, &NETWORK);
    (!owned.is_empty()).then(|| {
        action(
            "Update Wi-Fi, network, VPN and firewall drivers.",
            belongs(&owned, "to the network stack or hang on it"),
        )
    })
}

fn hyperv(context: &Context<'_>, blamed: &[&JudgedSeries]) -> Option<Action> {
    let owned = owned_by(blamed, &HYPERV);
    let held = context
        .draft
        .families
        .iter()
        .filter_map(|f| f.holder.as_ref()?.image.as_deref())
        .find(|image| HYPERV.contains(image));
    let why = match (owned.is_empty(), held) {
        (false, _) => belongs(&owned, "to containers or virtual machines"),
        (true, Some(image)) => format!("{image} holds the family."),
        (true, None) => return None,
    };
    Some(action(
        "Quit Docker Desktop, WSL, sandboxes and other Hyper-V users while idle, and see whether the growth stops.",
        why,
    ))
}

fn scanner(blamed: &[&JudgedSeries]) -> Option<Action> {
    let owned = owned_by(blamed, &SCANNERS);
    (!owned.is_empty()).then(|| {
        action(
            "Review Defender exclusions for large development folders, if policy permits.",
            format!(
                "{} {} with scanned files.",
                names(&owned),
                verb(owned.len(), "grows", "grow")
            ),
        )
    })
}

/// What a program keeps inside a component of Windows: the program is to be found, Windows is not to be blamed.
fn on_behalf(blamed: &[&JudgedSeries]) -> Vec<Action> {
    ON_BEHALF
        .iter()
        .filter_map(|(images, text, why, command)| {
            let owned = owned_by(blamed, images);
            (!owned.is_empty()).then(|| Action {
                text: (*text).to_owned(),
                why: format!("{}: {why}.", names(&owned)),
                command: (!command.is_empty()).then(|| (*command).to_owned()),
            })
        })
        .collect()
}

fn feedback_hub(context: &Context<'_>, blamed: &[&JudgedSeries]) -> Option<Action> {
    let images: Vec<&str> = ON_BEHALF.iter().flat_map(|row| row.0).copied().collect();
    let on_behalf = owned_by(blamed, &images);
    let microsoft: Vec<&JudgedSeries> = blamed
        .iter()
        .copied()
        .filter(|s| !on_behalf.iter().any(|o| o.name() == s.name()))
        .filter(|s| {
            let vendor = s.owners.owners.first().and_then(|o| o.vendor.as_deref());
            !s.owners.shared && vendor.is_some_and(|v| v.to_lowercase().contains("microsoft"))
        })
        .collect();
    if microsoft.is_empty() {
        return None;
    }
    let draft = context.draft;
    let rates = if microsoft.iter().any(|s| s.judgement.rate.is_some()) {
        "the tags with their rates (this report)"
    } else {
        "the tags and what they hold (this report)"
    };
    let mut facts = vec![rates.to_owned()];
    facts.extend(
        draft
            .etw
            .as_ref()
            .map(|e| format!("{} trace sessions", e.sessions.len())),
    );
    let secure = draft.memory.as_ref().and_then(|m| m.counters.secure_system);
    facts.extend(secure.map(|b| format!("Secure System {}", bytes(b))));
    facts.extend(
        draft
            .source
            .kernel_uptime_s
            .map(|s| format!("kernel uptime {}", duration(s))),
    );
    facts.extend(draft.source.build.as_ref().map(|b| format!("build {b}")));
    Some(Action {
        text: format!(
            "File a Feedback Hub report with the evidence: {}.",
            list(&facts, 6)
        ),
        why: belongs(&microsoft, "to Windows itself"),
        command: Some("poolscope diagnose --bundle evidence.zip --redact".to_owned()),
    })
}

fn processes(findings: &[Finding]) -> Vec<Action> {
    findings
        .iter()
        .filter(|f| f.code == "PS0201" && f.severity <= Severity::Warning)
        .take(1)
        .map(|f| {
            action(
                "Stop or restart the process that collects handles, and see whether the memory comes back.",
                format!("{}.", f.title),
            )
        })
        .collect()
}

fn elsewhere(findings: &[Finding]) -> Option<Action> {
    let finding = findings.iter().find(|f| f.code == "PS0305")?;
    Some(action(
        "Look at the processes and at locked memory, not at tags.",
        format!("{}.", finding.title),
    ))
}

fn restart(context: &Context<'_>, blamed: &[&JudgedSeries], findings: &[Finding]) -> Option<Action> {
    let held: u64 = blamed
        .iter()
        .filter_map(|s| s.judgement.bytes)
        .fold(0, u64::saturating_add);
    if (held as f64) < context.memory_or_reference() as f64 * crate::thresholds::UNFREED_SHARE {
        return None;
    }
    let fast_startup = findings.iter().any(|f| f.code == "PS0701");
    let because = if fast_startup {
        " The last shutdown did not give it back (Fast Startup)."
    } else {
        " With Fast Startup a Shut down keeps the kernel."
    };
    let uptime = context
        .draft
        .source
        .kernel_uptime_s
        .map(|s| format!(" after {} of uptime", duration(s)))
        .unwrap_or_default();
    Some(Action {
        text: "Restart instead of Shut down: it gives the memory back until the cause is fixed.".to_owned(),
        why: format!("{} held{uptime}.{because}", bytes(held)),
        command: Some("shutdown /r /t 0".to_owned()),
    })
}

fn session(context: &Context<'_>, findings: &[Finding]) -> Option<Action> {
    let costly = findings
        .iter()
        .any(|f| matches!(f.code, "PS0401" | "PS0402") && f.severity <= Severity::Warning);
    let largest = context.draft.etw.as_ref().filter(|_| costly)?.sessions.first()?;
    let held = largest.bytes?;
    Some(Action {
        text: format!("Stop or shrink the trace session {}.", largest.session.name),
        why: format!("Its buffers hold {}, the most of all sessions.", bytes(held)),
        command: Some(format!(
            "logman stop \"{}\" -ets",
            largest.session.name.replace('"', "")
        )),
    })
}

fn filter(context: &Context<'_>, blamed: &[&JudgedSeries]) -> Option<Action> {
    let filters = &context.draft.drivers.as_ref()?.minifilters;
    let held = context
        .draft
        .families
        .iter()
        .filter_map(|f| f.holder.as_ref()?.image.clone());
    let owned = blamed.iter().filter_map(|s| s.owner());
    for image in held.chain(owned) {
        let stem = image.strip_suffix(".sys").unwrap_or(&image);
        // The filter manager and the container filter cannot be taken out by hand.
        let Some(filter) = filters.iter().find(|f| f.name.eq_ignore_ascii_case(stem)) else {
            continue;
        };
        return Some(Action {
            text: format!(
                "Take the minifilter {} out on a test machine (uninstall its product) and compare.",
                filter.name
            ),
            why: format!(
                "{image} is attached as a minifilter with {}.",
                filter.instances.map_or_else(
                    || "unknown instances".to_owned(),
                    |n| format!("{} instances", count(n.into()))
                )
            ),
            command: Some(format!("fltmc instances -f {}", filter.name)),
        });
    }
    None
}

/// Growing tags worth a stack trace, at most what the recorder can filter on.
#[must_use]
pub fn trace_tags<'a>(series: impl Iterator<Item = &'a JudgedSeries>) -> Vec<&'a Tag> {
    let mut tags: Vec<&Tag> = Vec::new();
    for s in series {
        let grows = s.judgement.shape != Some(Shape::Stopped);
        let known = tags.contains(&&s.tag);
        if grows && !known && s.pool.is_windows() && crate::trace_profile(&[&s.tag]).is_some() {
            tags.push(&s.tag);
        }
    }
    tags.truncate(TRACE_TAGS);
    tags
}

fn trace(blamed: &[&JudgedSeries]) -> Option<Action> {
    let tags = trace_tags(blamed.iter().copied());
    if tags.is_empty() {
        return None;
    }
    let shown: Vec<String> = tags.iter().map(|t| t.to_string().trim_end().to_owned()).collect();
    Some(Action {
        text: "Record stacks of the suspect tags while they grow (elevated prompt, Windows ADK), then open pool.etl in \
               Windows Performance Analyzer: Memory, Pool; group by tag, then by type, and expand the stacks of AIFO \
               (allocated inside the trace, freed outside): the lowest driver frame that is not the kernel's is who asked."
            .to_owned(),
        why: why_trace(blamed, &tags, &shown),
        command: Some(
            "poolscope diagnose --trace-profile pool.wprp && wpr -start pool.wprp!PoolTags -filemode && timeout /t 300 && wpr -stop pool.etl"
                .to_owned(),
        ),
    })
}

/// That a tag still grows is said only of what was seen to grow.
fn why_trace(blamed: &[&JudgedSeries], tags: &[&Tag], shown: &[String]) -> String {
    let seen = |tag: &&Tag| {
        blamed
            .iter()
            .any(|s| s.tag == **tag && matches!(s.judgement.verdict, Verdict::Leak | Verdict::Suspect))
    };
    let named = list(shown, TRACE_TAGS);
    if tags.iter().all(seen) {
        let grows = verb(shown.len(), "grows", "grow");
        format!("{named} still {grows}; a trace sees only what happens while it runs.")
    } else {
        format!(
            "Worth it only while {named} still grows, which was not seen: a trace sees only what happens while it runs."
        )
    }
}

fn unknown(context: &Context<'_>, blamed: &[&JudgedSeries]) -> Vec<Action> {
    blamed
        .iter()
        .filter(|s| s.owners.owners.is_empty() && !s.owners.shared && s.pool.is_windows())
        .take(2)
        .map(|s| Action {
            text: format!(
                "Find out who uses {}: {}",
                s.tag,
                context.options.search_address(&s.tag)
            ),
            why: "Its owner is in no list that poolscope knows.".to_owned(),
            command: Some(format!(
                "poolscope owner \"{}\" --drivers C:\\Windows\\System32\\drivers",
                s.tag
            )),
        })
        .collect()
}

fn record_longer(context: &Context<'_>, findings: &[Finding]) -> Option<Action> {
    let open = findings
        .iter()
        .any(|f| matches!(f.code, "PS0703" | "PS0105" | "PS0103"));
    if !open {
        return None;
    }
    let live = context.draft.source.kind == Some(SourceKind::Live);
    Some(if context.draft.source.samples == 1 && !live {
        Action {
            text: "Let poolscope record on that machine for an hour or more; or take the same table again after an hour and \
                   give both files, the earlier first: what grows shows between them."
                .to_owned(),
            why: "One table shows what is large, not what grows.".to_owned(),
            command: Some("poolscope track 30 120".to_owned()),
        }
    } else {
        Action {
            text: "Record for longer: what grows shows over hours.".to_owned(),
            why: "Some series cannot be judged from what was recorded.".to_owned(),
            command: Some("poolscope track 30 120".to_owned()),
        }
    })
}
