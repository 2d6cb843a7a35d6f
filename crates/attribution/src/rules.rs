//! Known leaks as data: `data/rules.txt`.

use std::sync::LazyLock;

use snapshot::{DriverFacts, ModuleFacts, ProcessFacts, Tag, glob_matches};

use crate::blocks::{self, Block};
use crate::index::file_name;

/// Frees below this part of the allocations are none.
const UNFREED: f64 = 0.001;
/// Allocations below this are too few to speak of frees.
const LEAST_ALLOCATIONS: u64 = 500;
/// `large`: bytes in use.
const LARGE: u64 = 1 << 30;

/// How well a known leak is established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// By the maker, or by a change that ended it.
    Confirmed,
    /// By somebody with evidence.
    Diagnosed,
    /// Told by somebody.
    Reported,
}

impl Standing {
    /// The word used in the data and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Diagnosed => "diagnosed",
            Self::Reported => "reported",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Growing,
    Unfreed,
    Large,
}

/// Lower and upper bounds of a version: (bound, included).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Versions {
    least: Option<(Vec<u64>, bool)>,
    most: Option<(Vec<u64>, bool)>,
}

/// One known leak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable name.
    pub id: String,
    /// One line.
    pub title: String,
    tags: Vec<Vec<u8>>,
    beside: Vec<Vec<u8>>,
    signs: Vec<Sign>,
    drivers: Vec<String>,
    versions: Option<Versions>,
    processes: Vec<String>,
    builds: Option<(u32, u32)>,
    /// What sets it off.
    pub trigger: String,
    /// What happens.
    pub why: String,
    /// What helps.
    pub remedies: Vec<String>,
    /// How well it is established.
    pub standing: Standing,
    /// Addresses of its sources.
    pub citations: Vec<String>,
}

/// A series that detection accuses.
#[derive(Clone, Debug)]
pub struct Suspect<'a> {
    /// Its tag.
    pub tag: &'a Tag,
    /// It grows (verdict leak or suspect).
    pub growing: bool,
    /// Allocations since boot.
    pub allocs: Option<u64>,
    /// Frees since boot.
    pub frees: Option<u64>,
    /// Bytes in use.
    pub bytes: Option<u64>,
}

/// What a rule is held against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scene<'a> {
    /// Accused series.
    pub suspects: &'a [Suspect<'a>],
    /// Installed drivers, where they were read.
    pub drivers: Option<&'a [DriverFacts]>,
    /// Loaded modules, where they were read.
    pub modules: Option<&'a [ModuleFacts]>,
    /// Processes, where they were read.
    pub processes: Option<&'a [ProcessFacts]>,
    /// Build of the host (`26200.9457`).
    pub build: Option<&'a str>,
}

/// A rule that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The rule.
    pub rule: &'static Rule,
    /// Accused tags that it names.
    pub tags: Vec<Tag>,
    /// What fits, in sentences.
    pub evidence: Vec<String>,
    /// Conditions that could not be checked; a rule with some is a possibility only.
    pub unchecked: Vec<String>,
}

static RULES: LazyLock<Vec<Rule>> =
    LazyLock::new(|| parse(include_str!("../data/rules.txt")).unwrap_or_default());

/// Every known leak.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &RULES
}

/// The rules that fit, those with nothing unchecked first, then the better established.
#[must_use]
pub fn matching(scene: &Scene<'_>) -> Vec<Match> {
    let mut found: Vec<Match> = rules().iter().filter_map(|rule| rule.holds(scene)).collect();
    found.sort_by_key(|m| (m.unchecked.len(), m.rule.standing));
    found
}

/// The answer to one condition of a rule.
enum Check {
    /// It holds; a sentence, if there is something to say.
    Holds(Option<String>),
    /// It does not.
    Fails,
    /// It could not be checked, and why.
    Unknown(String),
}

impl Rule {
    fn holds(&'static self, scene: &Scene<'_>) -> Option<Match> {
        let named: Vec<&Suspect<'_>> = scene
            .suspects
            .iter()
            .filter(|s| covers(&self.tags, s.tag))
            .collect();
        let mut tags: Vec<Tag> = Vec::new();
        let mut found = Match {
            rule: self,
            tags: Vec::new(),
            evidence: Vec::new(),
            unchecked: Vec::new(),
        };
        for suspect in named {
            if let Some(sentence) = self.shows_signs(suspect) {
                found.evidence.push(sentence);
                tags.push(suspect.tag.clone());
            }
        }
        if tags.is_empty() {
            return None;
        }
        let beside: Vec<Tag> = scene
            .suspects
            .iter()
            .filter(|s| covers(&self.beside, s.tag))
            .map(|s| s.tag.clone())
            .collect();
        if !beside.is_empty() {
            let names: Vec<String> = beside.iter().map(ToString::to_string).collect();
            found
                .evidence
                .push(format!("Seen with it, as published: {}.", names.join(", ")));
            tags.extend(beside);
        }
        for check in [
            self.driver_is_there(scene),
            self.process_is_there(scene),
            self.build_fits(scene),
        ] {
            match check {
                Check::Holds(sentence) => found.evidence.extend(sentence),
                Check::Unknown(what) => found.unchecked.push(what),
                Check::Fails => return None,
            }
        }
        found.tags = tags;
        Some(found)
    }

    fn shows_signs(&self, suspect: &Suspect<'_>) -> Option<String> {
        let mut words = Vec::new();
        for sign in &self.signs {
            words.push(match sign {
                Sign::Growing if suspect.growing => "grows".to_string(),
                Sign::Unfreed => {
                    let (allocs, frees) = (suspect.allocs?, suspect.frees?);
                    let few = allocs >= LEAST_ALLOCATIONS && frees as f64 <= allocs as f64 * UNFREED;
                    few.then(|| format!("has {frees} frees for {allocs} allocations"))?
                }
                Sign::Large => {
                    let bytes = suspect.bytes.filter(|&b| b >= LARGE)?;
                    format!("holds {:.1} GB", bytes as f64 / LARGE as f64)
                }
                Sign::Growing => return None,
            });
        }
        Some(format!("{} {}.", suspect.tag, words.join(" and ")))
    }

    fn driver_is_there(&self, scene: &Scene<'_>) -> Check {
        if self.drivers.is_empty() {
            return Check::Holds(None);
        }
        let wanted = |name: &str| self.drivers.iter().any(|d| *d == file_name(name));
        let of_driver = |d: &&DriverFacts| {
            d.running != Some(false) && d.file.as_deref().or(d.path.as_deref()).is_some_and(wanted)
        };
        if let Some(driver) = scene.drivers.and_then(|all| all.iter().find(of_driver)) {
            return self.version_fits(driver);
        }
        if let Some(module) = scene.modules.and_then(|all| all.iter().find(|m| wanted(&m.name))) {
            let name = file_name(&module.name);
            return match self.versions {
                None => Check::Holds(Some(format!("{name} is loaded."))),
                Some(_) => Check::Unknown(format!("the version of {name}")),
            };
        }
        match scene.drivers.is_some() || scene.modules.is_some() {
            true => Check::Fails,
            false => Check::Unknown(format!("whether {} is loaded", self.drivers.join(" or "))),
        }
    }

    fn version_fits(&self, driver: &DriverFacts) -> Check {
        let name = driver
            .file
            .as_deref()
            .or(driver.path.as_deref())
            .map(file_name)
            .unwrap_or_default();
        let version = driver.version.as_deref();
        let shown = version.map(|v| format!(" {v}")).unwrap_or_default();
        match (&self.versions, version.and_then(numbers)) {
            (None, _) => Check::Holds(Some(format!("{name}{shown} is there."))),
            (Some(_), None) => Check::Unknown(format!("the version of {name}")),
            (Some(range), Some(version)) if range.contains(&version) => Check::Holds(Some(format!(
                "{name}{shown} is one of the versions that have it."
            ))),
            (Some(_), Some(_)) => Check::Fails,
        }
    }

    fn process_is_there(&self, scene: &Scene<'_>) -> Check {
        if self.processes.is_empty() {
            return Check::Holds(None);
        }
        let Some(processes) = scene.processes else {
            return Check::Unknown(format!("whether {} runs", self.processes.join(" or ")));
        };
        let wanted = |p: &&ProcessFacts| {
            self.processes
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&p.name))
        };
        match processes.iter().find(wanted) {
            Some(process) => Check::Holds(Some(format!("{} runs (process {}).", process.name, process.pid))),
            None => Check::Fails,
        }
    }

    fn build_fits(&self, scene: &Scene<'_>) -> Check {
        let Some((first, last)) = self.builds else {
            return Check::Holds(None);
        };
        let number = scene
            .build
            .and_then(|build| build.split('.').next()?.trim().parse::<u32>().ok());
        match number {
            None => Check::Unknown("the build of Windows".into()),
            Some(build) if (first..=last).contains(&build) => Check::Holds(Some(format!(
                "Windows build {build} is one of those it was seen on."
            ))),
            Some(_) => Check::Fails,
        }
    }
}

fn covers(patterns: &[Vec<u8>], tag: &Tag) -> bool {
    let tag = tag.unprotected();
    patterns
        .iter()
        .any(|pattern| glob_matches(pattern, tag.as_bytes()))
}

/// The numbers of a version; what follows them (a build lab in parentheses) is left out.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let first = version.split([' ', '(']).find(|part| !part.is_empty())?;
    let parts: Result<Vec<u64>, _> = first.split(['.', ',']).map(str::parse).collect();
    parts.ok()
}

impl Versions {
    fn contains(&self, version: &[u64]) -> bool {
        let above = |(bound, included): &(Vec<u64>, bool)| {
            let order = compare(version, bound);
            order.is_gt() || (*included && order.is_eq())
        };
        let below = |(bound, included): &(Vec<u64>, bool)| {
            let order = compare(version, bound);
            order.is_lt() || (*included && order.is_eq())
        };
        self.least.as_ref().is_none_or(above) && self.most.as_ref().is_none_or(below)
    }

    /// Reads `< 1.2.3`, `>= 7.0 < 8.0`.
    fn parse(text: &str) -> Option<Self> {
        let mut range = Self::default();
        let mut words = text.split_whitespace();
        while let (Some(operator), Some(version)) = (words.next(), words.next()) {
            let version = numbers(version)?;
            match operator {
                "<" => range.most = Some((version, false)),
                "<=" => range.most = Some((version, true)),
                ">" => range.least = Some((version, false)),
                ">=" => range.least = Some((version, true)),
                _ => return None,
            }
        }
        (range != Self::default()).then_some(range)
    }
}

/// Compares part by part; missing parts are zero.
fn compare(a: &[u64], b: &[u64]) -> std::cmp::Ordering {
    let part = |version: &[u64], at: usize| version.get(at).copied().unwrap_or(0);
    (0..a.len().max(b.len()))
        .map(|at| part(a, at).cmp(&part(b, at)))
        .find(|order| order.is_ne())
        .unwrap_or(std::cmp::Ordering::Equal)
}

const KEYS: [&str; 14] = [
    "id", "title", "tags", "beside", "sign", "driver", "version", "process", "build", "trigger", "why",
    "remedy", "sure", "cite",
];

fn parse(text: &str) -> Result<Vec<Rule>, String> {
    blocks::parse(text)?.iter().map(rule).collect()
}

fn rule(block: &Block<'_>) -> Result<Rule, String> {
    block.only(&KEYS)?;
    let bad = |what: &str| format!("rule at line {}: {what}", block.line);
    let owned = |key| block.all(key).map(str::to_string).collect::<Vec<_>>();
    let words = |key| {
        block
            .get(key)
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_string)
            .collect()
    };
    let sign = |word: &str| match word {
        "growing" => Ok(Sign::Growing),
        "unfreed" => Ok(Sign::Unfreed),
        "large" => Ok(Sign::Large),
        other => Err(bad(&format!("{other:?} is no sign"))),
    };
    let builds = block.get("build").map(|range| {
        let (first, last) = range.split_once("..")?;
        Some((first.parse().ok()?, last.parse().ok()?))
    });
    let standing = match block.need("sure")? {
        "confirmed" => Standing::Confirmed,
        "diagnosed" => Standing::Diagnosed,
        "reported" => Standing::Reported,
        other => return Err(bad(&format!("{other:?} says not how sure"))),
    };
    let rule = Rule {
        id: block.need("id")?.into(),
        title: block.need("title")?.into(),
        tags: blocks::patterns(block.need("tags")?),
        beside: blocks::patterns(block.get("beside").unwrap_or_default()),
        signs: block
            .need("sign")?
            .split_whitespace()
            .map(sign)
            .collect::<Result<_, _>>()?,
        drivers: words("driver"),
        versions: match block.get("version") {
            Some(text) => Some(Versions::parse(text).ok_or_else(|| bad("the version condition"))?),
            None => None,
        },
        processes: words("process"),
        builds: match builds {
            Some(range) => Some(range.ok_or_else(|| bad("the range of builds"))?),
            None => None,
        },
        trigger: block.need("trigger")?.into(),
        why: block.need("why")?.into(),
        remedies: owned("remedy"),
        standing,
        citations: owned("cite"),
    };
    if rule.remedies.is_empty() || rule.citations.is_empty() {
        return Err(bad("a rule needs a remedy and a citation"));
    }
    if rule.tags.iter().chain(&rule.beside).any(|tag| tag.len() != 4) {
        return Err(bad("a tag has four bytes"));
    }
    Ok(rule)
}

#[cfg(test)]
mod tests;
