//! Functions that walk along a table of unknown length behind a parameter.

use crate::engine::Sink;
use crate::routines::Arg;
use crate::value::{Val, common};

/// Fewest offsets in equal steps that are taken for a walk.
const LEAST: usize = 3;

/// The walks among the places that a callee takes its tags from, and those that came to their end.
#[derive(Debug, Default)]
pub(crate) struct Walks {
    /// The parameter, the offsets before the last, and the last ones.
    walks: Vec<(Arg, Vec<i64>, Vec<i64>)>,
    over: Vec<usize>,
}

impl Walks {
    /// Finds the walks and puts the places in the order of their offsets.
    pub(crate) fn new(sinks: &mut [Sink]) -> Self {
        let mut walk = Self::default();
        if sinks.len() < LEAST {
            return walk;
        }
        sinks.sort_by(|a, b| a.derefs.cmp(&b.derefs));
        for sink in &*sinks {
            let Some((&last, before)) = sink.derefs.split_last() else {
                continue;
            };
            match walk
                .walks
                .iter_mut()
                .find(|(arg, known, _)| *arg == sink.arg && known == before)
            {
                Some((_, _, offsets)) if !offsets.contains(&last) => offsets.push(last),
                Some(_) => {}
                None => walk.walks.push((sink.arg, before.to_vec(), vec![last])),
            }
        }
        walk.walks.retain(|(_, _, offsets)| {
            let steps = offsets.iter().zip(offsets.iter().skip(1));
            // Neighbours are the fields of one object.
            offsets.len() >= LEAST && common(steps.map(|(a, b)| b.wrapping_sub(*a))) > Some(4)
        });
        walk
    }

    fn of(&self, sink: &Sink) -> Option<usize> {
        let (last, before) = sink.derefs.split_last()?;
        self.walks
            .iter()
            .position(|(arg, known, offsets)| *arg == sink.arg && known == before && offsets.contains(last))
    }

    /// True for what lies behind the end of a table.
    pub(crate) fn is_over(&self, sink: &Sink) -> bool {
        !self.over.is_empty() && self.of(sink).is_some_and(|walk| self.over.contains(&walk))
    }

    /// True when this value ends a table: numbers of which none looks like a tag.
    pub(crate) fn ends(&mut self, sink: &Sink, val: &Val) -> bool {
        if self.walks.is_empty()
            || val.constants().is_none()
            || val.atoms().iter().any(|atom| atom.looks_like_tag())
        {
            return false;
        }
        let walk = self.of(sink);
        self.over.extend(walk);
        walk.is_some()
    }
}
