//! Functions that are handed to a routine of the system together with the context that it calls them with: threads, work
//! items, deferred procedure calls, calls on a larger stack.

use crate::engine::{Callee, Engine, Sink};
use crate::flow::Run;
use crate::routines::{Arg, argument};
use crate::state::State;
use crate::value::{Atom, CONST, TOP, Val};

/// Arguments of a call that are looked at, and parameters of a callback one of which may be its context.
const ARGUMENTS: u8 = 8;
const PARAMETERS: u8 = 3;
/// How far behind the callback its context may be passed: `IoQueueWorkItem(item, callback, queue, context)`.
const BEHIND: u8 = 2;

impl Engine<'_> {
    /// Follows the tags of functions that are arguments of a call, with an argument behind them for their context.
    pub(crate) fn feed_callbacks(&mut self, run: &Run, ip: u32, state: &State) {
        if !self.has_wrappers {
            return;
        }
        for index in 0..ARGUMENTS {
            let Some(function) = self.callback(state, index) else {
                continue;
            };
            for sink in self.context_sinks(function) {
                if let Some(val) = self.told_by_context(state, &sink, index) {
                    self.take(run, ip, &sink, &val, false);
                }
            }
        }
    }

    /// What a callback's sink is given by one of the arguments behind the callback, which is argument `index`.
    fn told_by_context(&mut self, state: &State, sink: &Sink, index: u8) -> Option<Val> {
        let size = self.image.pointer_size() as u8;
        (index + 1..=index + BEHIND).find_map(|context| {
            let place = argument(self.image.arch, context);
            let context = self.argument_value(state, place, size).0;
            let (val, _) = self.behind(state, sink, context, false);
            may_lead_on(&val, sink).then_some(val)
        })
    }

    /// The function with sinks whose address an argument is.
    fn callback(&self, state: &State, index: u8) -> Option<u32> {
        let Val::One(atom) = self.given(state, argument(self.image.arch, index)) else {
            return None;
        };
        match self.callee_of(atom) {
            Some(Callee::Func(function)) if self.sinks.contains_key(&Callee::Func(function)) => {
                Some(function)
            }
            _ => None,
        }
    }

    /// The places that a function takes tags from and that its context may be.
    fn context_sinks(&self, function: u32) -> Vec<Sink> {
        let is_parameter = |arg: Arg| (0..PARAMETERS).any(|index| argument(self.image.arch, index) == arg);
        let fits = |sink: &&Sink| {
            !sink.frees && sink.when.is_none() && sink.object.is_none() && is_parameter(sink.arg)
        };
        let sinks = self.sinks.get(&Callee::Func(function)).into_iter().flatten();
        sinks.filter(fits).cloned().collect()
    }
}

/// True for a tag, or for something exact that callers may tell.
fn may_lead_on(val: &Val, sink: &Sink) -> bool {
    let leads = |atom: &Atom| match atom.sym {
        CONST => atom.looks_like_tag(),
        _ => atom.exact && !sink.derefs.is_empty(),
    };
    val.atoms().iter().all(|atom| atom.sym != TOP) && val.atoms().iter().any(leads)
}
