//! The way down to the present value of a JSON text: the names above it, and what they say of it.

use super::siblings;
use crate::decode::json::Quoted;
use crate::veil::matcher::{Action, Matcher, NodeIndex};
use crate::veil::names;
use std::ops::Range;

/// What is known of a value in a JSON text from the names above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// No rule speaks of it.
    Unknown,
    /// A selector names it, or a container above it.
    Selected(Action),
    /// Its field name alone gives it away; that says nothing of an object's members.
    Named(Action),
}

impl Expected {
    pub(super) fn action(self) -> Option<Action> {
        match self {
            Self::Unknown => None,
            Self::Selected(action) | Self::Named(action) => Some(action),
        }
    }
}

/// The names above the present value, as live trie nodes.
pub(super) struct Path<'m> {
    matcher: &'m Matcher,
    states: Vec<NodeIndex>,
    frames: Vec<Frame>,
    /// The value that comes next.
    next: Frame,
    /// The reduced names above, one after the other.
    reduced: String,
    /// The names above as they are written, with dots between them.
    written: String,
}

/// A place in the JSON text: its live nodes and what is expected there.
#[derive(Debug, Clone)]
struct Frame {
    states: Range<usize>,
    expected: Expected,
    array: bool,
    /// The field name that led here, as a range of the path's reduced names; of a flattened path the last part.
    reduced: Range<usize>,
    /// The same name as it is written.
    written: Range<usize>,
    /// The member of this object that names its value: `{"key": "username", "value": …}`.
    sibling: Option<Quoted>,
    /// Whether such a member, of the object above, led here.
    by_sibling: bool,
}

impl<'m> Path<'m> {
    pub(super) fn new(matcher: &'m Matcher) -> Self {
        let mut states = Vec::new();
        matcher.start(&mut states);
        let next = Frame {
            states: 0..states.len(),
            expected: Expected::Unknown,
            array: false,
            reduced: 0..0,
            written: 0..0,
            sibling: None,
            by_sibling: false,
        };
        Self { matcher, states, frames: Vec::new(), next, reduced: String::new(), written: String::new() }
    }

    /// What is known of the value that comes next.
    pub(super) fn expected(&self) -> Expected {
        self.next.expected
    }

    pub(super) fn open_array(&mut self) {
        let frame = Frame { array: true, ..self.next.clone() };
        // Elements stand under the array's own name.
        self.next = frame.clone();
        self.frames.push(frame);
    }

    /// Goes into an object; `sibling` is the member that names its value.
    pub(super) fn open_object(&mut self, sibling: Option<Quoted>) {
        self.frames.push(Frame { array: false, sibling, ..self.next.clone() });
    }

    pub(super) fn close(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.states.truncate(frame.states.end);
        }
        if let Some(above) = self.frames.last().filter(|above| above.array) {
            self.next = above.clone();
        }
    }

    /// The member that names the value of the present object, if `name` is a name of that value.
    pub(super) fn sibling(&self, name: &[u8]) -> Option<&Quoted> {
        let sibling = self.frames.last()?.sibling.as_ref()?;
        siblings::is_value(name).then_some(sibling)
    }

    /// Goes to the member `name` of the present object; `sibling` is what its sibling says that the value is called.
    pub(super) fn member(&mut self, name: &str, sibling: Option<&str>) {
        let Some(parent) = self.frames.last().cloned() else { return };
        self.states.truncate(parent.states.end);
        let start = self.states.len();
        self.matcher.step(&mut self.states, parent.states.clone(), name.as_bytes());
        let states = start..self.states.len();
        let passes_on = parent.by_sibling && siblings::is_value(name.as_bytes());
        let (called, by_sibling) = match sibling {
            Some(sibling) => {
                let own = self.call(&parent, name).action;
                let called = self.call(&parent, sibling);
                let by_sibling = called.action.is_some();
                (Called { action: called.action.or(own), ..called }, by_sibling)
            }
            None if passes_on => (Called::like(&parent), true),
            None => (self.call(&parent, name), false),
        };
        let expected = match (self.matcher.accepted(&self.states[states.clone()]), parent.expected) {
            (Some(action), _) => Expected::Selected(action),
            (None, Expected::Selected(_)) => parent.expected,
            (None, Expected::Unknown | Expected::Named(_)) => called.action.map_or(Expected::Unknown, Expected::Named),
        };
        let Called { reduced, written, .. } = called;
        self.next = Frame { states, expected, array: false, reduced, written, sibling: None, by_sibling };
    }

    /// Appends a name below `parent`, and tells what it says: alone, or together with the one above it, as
    /// `{"user": {"name": …}}` is also `username`, or by its end.
    fn call(&mut self, parent: &Frame, name: &str) -> Called {
        self.reduced.truncate(parent.reduced.end);
        self.written.truncate(parent.written.end);
        self.written.push('.');
        let written = self.written.len()..self.written.len() + name.len();
        self.written.push_str(name);
        let parts = names::reduce_parts(name, &mut self.reduced);
        let is_path = parts.parent < parts.last;
        let names = &self.matcher.names;
        let whole = |from: usize| self.reduced.get(from..).and_then(|name| names.whole(name));
        let action = whole(parent.reduced.end)
            .or_else(|| whole(parts.last).filter(|_| is_path))
            .or_else(|| whole(if is_path { parts.parent } else { parent.reduced.start }))
            .or_else(|| self.written.get(parent.written.start..).and_then(|written| names.end(written)));
        Called { reduced: parts.last..self.reduced.len(), written, action }
    }
}

/// A name below another, and the rule that goes by it.
struct Called {
    reduced: Range<usize>,
    written: Range<usize>,
    action: Option<Action>,
}

impl Called {
    /// As a frame is called.
    fn like(frame: &Frame) -> Self {
        Self { reduced: frame.reduced.clone(), written: frame.written.clone(), action: frame.expected.action() }
    }
}
