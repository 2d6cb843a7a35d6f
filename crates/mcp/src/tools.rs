//! The tools: typed arguments, their schemas, and how they become a [`Call`].

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::schema;
use crate::{Call, Policy, ToolError};

/// Bytes of JSON a result may take when the caller does not say.
pub(crate) const BUDGET_DEFAULT: usize = 24_000;
/// Least and most the caller can ask for.
pub(crate) const BUDGET_RANGE: (usize, usize) = (2_000, 1_000_000);
/// Longest live sampling: an assistant that waits longer has lost its user.
const SECONDS_MAX: u32 = 3_600;
/// Most samples of one `track` call.
const SAMPLES_MAX: u32 = 3_600;
/// Most files or tags in one call.
const LIST_MAX: usize = 64;

/// How much of the result to return. Part of each tool's arguments.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct Paging {
    /// Largest size of the result in bytes of JSON (2,000 to 1,000,000; default 24,000). The weightiest evidence comes first.
    #[serde(default)]
    pub(crate) max_bytes: Option<usize>,
    /// The value of `omitted.continue` of an earlier result: returns the next part of that one. Other arguments are ignored then.
    #[serde(default, rename = "continue")]
    pub(crate) go_on: Option<String>,
}

/// Arguments of `diagnose`.
#[derive(Debug, Deserialize, JsonSchema)]
struct DiagnoseArgs {
    /// A recording, CSV, PoolMon text, `!poolused` output, saved slabinfo, folder of captures or bundle below an allowed folder. Leave out to diagnose this machine.
    path: Option<String>,
    /// Seconds to sample this machine (5 to 3600, default 60). Ignored with `path`.
    seconds: Option<u32>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "read by the paging step; here for the schema")]
    paging: Paging,
}

/// Arguments of `snapshot`.
#[derive(Debug, Deserialize, JsonSchema)]
struct SnapshotArgs {
    /// Only this pool: `nonpaged`, `paged`, `session`, `slab`, `slab-reclaimable`, `vmalloc`.
    pool: Option<String>,
    /// Only tags that match one of these wildcards (`*`, `?`; case matters).
    #[serde(default)]
    tags: Vec<String>,
    /// Only tags with at least so many bytes in use.
    #[serde(default)]
    min_bytes: u64,
    #[serde(flatten)]
    #[expect(dead_code, reason = "read by the paging step; here for the schema")]
    paging: Paging,
}

/// Arguments of `track`.
#[derive(Debug, Deserialize, JsonSchema)]
struct TrackArgs {
    /// Seconds between samples (1 to 3600, default 10).
    interval_seconds: Option<u32>,
    /// Number of samples (2 to 3600, default 12). The call ends after interval × samples, at most one hour.
    samples: Option<u32>,
    /// Name of the recording to write or to go on with, in the folder the server was started with (`--recordings`). Leave out to keep none.
    name: Option<String>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "read by the paging step; here for the schema")]
    paging: Paging,
}

/// Arguments of `analyze`.
#[derive(Debug, Deserialize, JsonSchema)]
struct AnalyzeArgs {
    /// The file, folder or bundle below an allowed folder.
    path: Option<String>,
    /// Several files of one recording, in order, instead of `path`.
    #[serde(default)]
    paths: Vec<String>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "read by the paging step; here for the schema")]
    paging: Paging,
}

/// Arguments of `owner`.
#[derive(Debug, Deserialize, JsonSchema)]
struct OwnerArgs {
    /// The tags (`NtFC`, `EtwB`; case matters, trailing spaces may be left out).
    #[serde(default)]
    tags: Vec<String>,
    /// A driver file or a folder of driver files to scan as well, below an allowed folder.
    path: Option<String>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "read by the paging step; here for the schema")]
    paging: Paging,
}

/// Arguments of `compare`.
#[derive(Debug, Deserialize, JsonSchema)]
struct CompareArgs {
    /// The recording before the change, below an allowed folder.
    before_path: Option<String>,
    /// The recording after it.
    after_path: Option<String>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "read by the paging step; here for the schema")]
    paging: Paging,
}

/// Arguments of `explain`.
#[derive(Debug, Deserialize, JsonSchema)]
struct ExplainArgs {
    /// A finding code (`PS0101`) or a tag (`NtFC`).
    what: Option<String>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "read by the paging step; here for the schema")]
    paging: Paging,
}

/// All tools with their schemas, in the order of use.
#[must_use]
pub fn tool_definitions() -> Vec<Tool> {
    vec![
        tool::<DiagnoseArgs>(
            "diagnose",
            "Why is this machine's kernel memory full?",
            "Runs the whole diagnosis, on this machine (samples it for about a minute) or on a file somebody recorded, \
             and returns findings by weight with evidence and next steps. Start here.",
            schema::report(),
        ),
        tool::<SnapshotArgs>(
            "snapshot",
            "Kernel memory by tag, now",
            "The pool tags (Windows) or slab caches (Linux) of this machine at this moment, largest first.",
            schema::report(),
        ),
        tool::<TrackArgs>(
            "track",
            "Watch what grows",
            "Samples this machine at an interval, reports progress, and returns verdicts on what grows. Can be \
             cancelled; keeps a recording if given a name.",
            schema::report(),
        )
        .with_annotations(ToolAnnotations::new().read_only(false).destructive(false).idempotent(false).open_world(false)),
        tool::<AnalyzeArgs>(
            "analyze",
            "Judge a recording",
            "Verdicts (leak, suspect, unfreed, filling, stepped, cycling, steady, insufficient) with rates, intervals \
             and owners for a recording, CSV, PoolMon text or bundle.",
            schema::report(),
        ),
        tool::<OwnerArgs>(
            "owner",
            "Who owns a tag",
            "Which driver or component allocates under a pool tag, how that is known, and what to do when it is not.",
            schema::owners(),
        ),
        tool::<CompareArgs>(
            "compare",
            "Before and after",
            "What changed, got better or is new between two recordings.",
            schema::comparison(),
        ),
        tool::<ExplainArgs>(
            "explain",
            "Explain a finding or a tag",
            "What a finding code or a tag means, what usually makes it grow, what to check next, and what helps.",
            schema::explanation(),
        ),
    ]
}

fn tool<Args: JsonSchema>(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    output: Arc<JsonObject>,
) -> Tool {
    Tool::new(name, description, schema::input::<Args>())
        .with_title(title)
        .with_raw_output_schema(output)
        .with_annotations(
            ToolAnnotations::new()
                .read_only(true)
                .idempotent(true)
                .open_world(false),
        )
}

/// Turns the arguments of tool `name` into a call. `None` when there is no such tool.
pub(crate) fn parse(name: &str, args: JsonObject, policy: &Policy) -> Option<Result<Call, ToolError>> {
    Some(match name {
        "diagnose" => read(args).and_then(|a| diagnose(a, policy)),
        "snapshot" => read(args).and_then(snapshot),
        "track" => read(args).and_then(|a| track(a, policy)),
        "analyze" => read(args).and_then(|a| analyze(a, policy)),
        "owner" => read(args).and_then(|a| owner(a, policy)),
        "compare" => read(args).and_then(|a| compare(a, policy)),
        "explain" => read(args).and_then(explain),
        _ => return None,
    })
}

fn read<Args: DeserializeOwned>(args: JsonObject) -> Result<Args, ToolError> {
    serde_json::from_value(args.into()).map_err(|error| ToolError(format!("arguments: {error}")))
}

fn diagnose(args: DiagnoseArgs, policy: &Policy) -> Result<Call, ToolError> {
    let path = args.path.map(|p| policy.readable(&p)).transpose()?;
    Ok(Call::Diagnose {
        path,
        seconds: within("seconds", args.seconds.unwrap_or(60), 5, SECONDS_MAX)?,
    })
}

fn snapshot(args: SnapshotArgs) -> Result<Call, ToolError> {
    few("tags", &args.tags)?;
    Ok(Call::Snapshot {
        pool: args.pool,
        tags: args.tags,
        min_bytes: args.min_bytes,
    })
}

fn track(args: TrackArgs, policy: &Policy) -> Result<Call, ToolError> {
    let interval_s = within(
        "interval_seconds",
        args.interval_seconds.unwrap_or(10),
        1,
        SECONDS_MAX,
    )?;
    let samples = within("samples", args.samples.unwrap_or(12), 2, SAMPLES_MAX)?;
    if interval_s.saturating_mul(samples) > SECONDS_MAX {
        return Err(ToolError(format!(
            "interval_seconds × samples is {} s; at most {SECONDS_MAX} s a call: record for longer with `poolscope track`",
            interval_s.saturating_mul(samples)
        )));
    }
    let file = args.name.map(|name| policy.recordable(&name)).transpose()?;
    Ok(Call::Track {
        interval_s,
        samples,
        file,
    })
}

fn analyze(args: AnalyzeArgs, policy: &Policy) -> Result<Call, ToolError> {
    few("paths", &args.paths)?;
    let written = args.path.into_iter().chain(args.paths);
    let paths = written
        .map(|p| policy.readable(&p))
        .collect::<Result<Vec<_>, _>>()?;
    if paths.is_empty() {
        return Err(ToolError("arguments: `path` is missing".to_owned()));
    }
    Ok(Call::Analyze { paths })
}

fn owner(args: OwnerArgs, policy: &Policy) -> Result<Call, ToolError> {
    few("tags", &args.tags)?;
    if args.tags.is_empty() {
        return Err(ToolError("arguments: `tags` is missing or empty".to_owned()));
    }
    Ok(Call::Owner {
        tags: args.tags,
        drivers: args.path.map(|p| policy.readable(&p)).transpose()?,
    })
}

fn compare(args: CompareArgs, policy: &Policy) -> Result<Call, ToolError> {
    let need = |path: Option<String>, name: &str| {
        let path = path.ok_or_else(|| ToolError(format!("arguments: `{name}` is missing")))?;
        policy.readable(&path)
    };
    Ok(Call::Compare {
        before: need(args.before_path, "before_path")?,
        after: need(args.after_path, "after_path")?,
    })
}

fn explain(args: ExplainArgs) -> Result<Call, ToolError> {
    match args.what {
        Some(what) if !what.is_empty() && what.len() <= 200 => Ok(Call::Explain { what }),
        _ => Err(ToolError(
            "arguments: `what` takes a finding code (PS0101) or a tag (NtFC)".to_owned(),
        )),
    }
}

fn within(name: &str, value: u32, least: u32, most: u32) -> Result<u32, ToolError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ToolError(format!(
            "arguments: `{name}` is {value}; it takes {least} to {most}"
        )))
    }
}

fn few(name: &str, list: &[String]) -> Result<(), ToolError> {
    if list.len() > LIST_MAX {
        return Err(ToolError(format!(
            "arguments: `{name}` has {} entries; at most {LIST_MAX}",
            list.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_become_calls_or_say_what_is_wrong() {
        let policy = Policy::new(&[], None).unwrap();
        let cases = [
            (
                "diagnose",
                json!({}),
                Ok(Call::Diagnose {
                    path: None,
                    seconds: 60,
                }),
            ),
            ("diagnose", json!({ "seconds": 1 }), Err("`seconds` is 1")),
            (
                "diagnose",
                json!({ "path": "/etc/passwd" }),
                Err("outside the folders"),
            ),
            (
                "track",
                json!({ "samples": 3 }),
                Ok(Call::Track {
                    interval_s: 10,
                    samples: 3,
                    file: None,
                }),
            ),
            (
                "track",
                json!({ "interval_seconds": 3600, "samples": 2 }),
                Err("at most 3600 s a call"),
            ),
            ("track", json!({ "name": "x" }), Err("--recordings")),
            ("owner", json!({}), Err("`tags` is missing")),
            (
                "explain",
                json!({ "what": "PS0101" }),
                Ok(Call::Explain {
                    what: "PS0101".into(),
                }),
            ),
            ("compare", json!({}), Err("`before_path` is missing")),
            ("analyze", json!({ "path": 7 }), Err("invalid type")),
        ];
        for (name, args, expected) in cases {
            let got = parse(name, args.as_object().unwrap().clone(), &policy).unwrap();
            match (got, expected) {
                (Ok(call), Ok(want)) => assert_eq!(call, want),
                (Err(error), Err(want)) => assert!(error.0.contains(want), "{name}: {}", error.0),
                (got, want) => panic!("{name}: {got:?} instead of {want:?}"),
            }
        }
        assert!(parse("format_disk", JsonObject::new(), &policy).is_none());
    }

    #[test]
    fn each_tool_has_schemas_of_objects() {
        for tool in tool_definitions() {
            assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
            assert_eq!(
                tool.output_schema.as_ref().unwrap()["type"],
                "object",
                "{}",
                tool.name
            );
            assert!(
                tool.input_schema["properties"].get("continue").is_some(),
                "{}",
                tool.name
            );
        }
    }
}
