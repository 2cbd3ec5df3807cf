//! A rule pack compiled for matching: paths as a trie, names and shapes as tables.

use super::expressions::{Expressions, ListIndex};
use super::names::{self, Names};
use super::patterns::{Pattern, Patterns};
use crate::decode::line::GivenUp;
use crate::detect::Search;
use crate::rules::selector::{Selector, Specificity, Step, Target};
use crate::rules::{Class, Detector, Format, LinePattern, Parse, Part, Rule, RulePack, Shape, Unknown};
use crate::transform::{Replacement, RuleIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What to do with a value: a rule, reduced to what the plan needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) rule: RuleIndex,
    pub(super) class: Class,
    /// `None` keeps the value and does not look into it.
    pub(super) replacement: Option<Replacement>,
    pub(super) parse: Parse,
}

impl Action {
    /// Whether its values stand for a person or an account, which have names.
    pub(super) fn is_somebody(&self) -> bool {
        matches!(self.class, Class::User | Class::Person | Class::UserId | Class::Email | Class::Account)
    }
}

/// A compiled pack.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) recognize: Vec<String>,
    pub(super) lines: Patterns,
    pub(super) messages: Patterns,
    /// The author's expressions, and what to do with what each of them finds.
    pub(super) expressions: ListIndex,
    pub(super) expression_actions: Vec<Action>,
    pub(super) key: Option<Action>,
    /// What happens to text, and to a record key, that no rule names.
    pub(super) unknown: Unknown,
    pub(super) unknown_key: Unknown,
    /// What replaces such a value when it is replaced whole.
    pub(super) whole: Action,
    /// The selectors as written, for explaining.
    pub(super) selectors: Vec<(String, RuleIndex)>,
    ambiguous: BTreeSet<Vec<u8>>,
    /// Bytes of the longest of these words.
    ambiguous_bytes_max: usize,
    nodes: Vec<Node>,
    headers: BTreeMap<String, Action>,
    any_header: Option<Action>,
    pub(super) names: Names,
    /// Whether a rule goes by a name or a path.
    pub(super) knows_names: bool,
    shapes: [Action; Shape::ALL.len()],
    /// Looks for those that the pack looks for.
    pub(super) search: Search,
}

/// A node of the path trie, reached by the steps of a selector.
#[derive(Debug, Default, Clone)]
struct Node {
    names: BTreeMap<Vec<u8>, NodeIndex>,
    any: Option<NodeIndex>,
    any_depth: Option<NodeIndex>,
    /// Whether this node was reached by `**` and stays live below itself.
    stays: bool,
    accept: Option<Accept>,
}

#[derive(Debug, Clone, Copy)]
struct Accept {
    specificity: Specificity,
    action: Action,
}

/// Index of a trie node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeIndex(u32);

const ROOT: NodeIndex = NodeIndex(0);

/// Longest name that is looked up in a text; field names of logs are shorter.
const NAME_BYTES_MAX: usize = 256;

/// The names of all rules of a veil, in the order of their [`RuleIndex`].
#[derive(Debug, Default, Clone)]
pub(super) struct RuleNames(pub(super) Vec<String>);

impl RuleNames {
    fn add(&mut self, pack: &str, rule: &str) -> RuleIndex {
        self.0.push(format!("{pack}/{rule}"));
        RuleIndex((self.0.len() - 1) as u16)
    }
}

impl Matcher {
    /// Compiles a pack, appends its rules' names to `names` and its expressions to `expressions`.
    ///
    /// # Errors
    /// The id of a rule whose regular expression does not compile; a loaded pack has none.
    pub(super) fn compile(
        pack: &RulePack,
        names: &mut RuleNames,
        expressions: &mut Expressions,
    ) -> Result<Self, String> {
        let written: Vec<(&str, &str)> = pack.rules.iter().filter_map(expression_of).collect();
        let texts: Vec<&str> = written.iter().map(|(_, text)| *text).collect();
        let list = expressions.add(&texts).map_err(|place| written[place].0.to_owned())?;
        let whole = Action {
            rule: names.add(&pack.name, "unknown"),
            class: Class::Text,
            replacement: Some(match pack.unknown {
                Unknown::Drop => Replacement::Marker,
                Unknown::Scan | Unknown::Pseudonymize | Unknown::Keep => Replacement::Pseudonym { network: false },
            }),
            parse: Parse::No,
        };
        let shapes = Shape::ALL.map(|shape| Action {
            rule: names.add(&pack.name, &format!("scan-{}", shape.code())),
            class: shape.class(),
            replacement: Replacement::of(shape.default_transform()),
            parse: Parse::No,
        });
        let mut matcher = Self {
            name: pack.name.clone(),
            format: pack.format,
            recognize: pack.recognize.clone(),
            lines: Patterns::new(Vec::new(), GivenUp::Misfits),
            messages: Patterns::new(Vec::new(), GivenUp::TakesRest),
            expressions: list,
            expression_actions: Vec::with_capacity(texts.len()),
            key: None,
            unknown: pack.unknown,
            unknown_key: pack.unknown_key,
            whole,
            selectors: Vec::new(),
            ambiguous_bytes_max: pack.ambiguous.iter().map(|word| word.to_lowercase().len()).max().unwrap_or_default(),
            ambiguous: pack.ambiguous.iter().map(|word| word.to_lowercase().into_bytes()).collect(),
            nodes: vec![Node::default()],
            headers: BTreeMap::new(),
            any_header: None,
            names: Names::new(),
            knows_names: pack.rules.iter().any(|rule| !rule.named.is_empty() || !rule.select.is_empty()),
            shapes,
            search: Search::new(pack.scan),
        };
        for name in &pack.recognize {
            matcher.names.know(name);
        }
        for rule in &pack.rules {
            let action = Action {
                rule: names.add(&pack.name, &rule.id),
                class: rule.class,
                replacement: Replacement::of(rule.transform),
                parse: rule.parse,
            };
            for selector in &rule.select {
                matcher.selectors.push((selector.to_string(), action.rule));
                matcher.add_selector(selector, action);
            }
            for name in &rule.named {
                matcher.names.add(name, action);
            }
            match &rule.detect {
                None => {}
                Some(Detector::Shape(shape)) => matcher.shapes[*shape as usize] = action,
                Some(Detector::Regex(_)) => matcher.expression_actions.push(action),
            }
        }
        let compiled = |patterns: &[LinePattern]| patterns.iter().map(|pattern| matcher.pattern(pattern)).collect();
        let (lines, messages) = (compiled(&pack.lines), compiled(&pack.messages));
        matcher.lines = Patterns::new(lines, GivenUp::Misfits);
        matcher.messages = Patterns::new(messages, GivenUp::TakesRest);
        Ok(matcher)
    }

    fn add_selector(&mut self, selector: &Selector, action: Action) {
        for step in &selector.steps {
            if let Step::Name(name) = step {
                self.names.know(name);
            }
        }
        match (selector.target, selector.steps.as_slice()) {
            (Target::Payload, steps) => self.add_path(steps, Accept { specificity: selector.specificity(), action }),
            (Target::Key, _) => self.key = Some(action),
            (Target::Header, [Step::Name(name), ..]) => {
                self.headers.insert(name.to_ascii_lowercase(), action);
            }
            (Target::Header, _) => self.any_header = Some(action),
        }
    }

    fn add_path(&mut self, steps: &[Step], accept: Accept) {
        let mut at = ROOT;
        for step in steps {
            let next = NodeIndex(self.nodes.len() as u32);
            let node = &mut self.nodes[at.0 as usize];
            let slot = match step {
                Step::Name(name) => node.names.entry(name.clone().into_bytes()).or_insert(next),
                Step::Any => node.any.get_or_insert(next),
                Step::AnyDepth => node.any_depth.get_or_insert(next),
            };
            at = *slot;
            if at == next {
                self.nodes.push(Node { stays: matches!(step, Step::AnyDepth), ..Node::default() });
            }
        }
        let held = &mut self.nodes[at.0 as usize].accept;
        if held.is_none_or(|held| held.specificity < accept.specificity) {
            *held = Some(accept);
        }
    }

    /// A pattern whose holes go by the rules of this pack.
    pub(super) fn pattern(&self, pattern: &LinePattern) -> Pattern {
        let holes = pattern.parts.iter().map(|part| match part {
            Part::Literal(_) => None,
            Part::Hole { name, .. } => self.hole(name),
        });
        Pattern::new(pattern.clone(), holes.collect())
    }

    fn hole(&self, name: &str) -> Option<Action> {
        self.selected(name).or_else(|| self.named_as_written(name.as_bytes()))
    }

    /// Appends the trie nodes that are live before any name was read.
    pub(super) fn start(&self, states: &mut Vec<NodeIndex>) {
        self.enter(ROOT, states, 0);
    }

    /// Appends to `states` the nodes that are live after `name`, starting from those in `live`.
    ///
    /// A name with dots also counts as a path: `{"user.name": …}` is `{"user": {"name": …}}`.
    pub(super) fn step(&self, states: &mut Vec<NodeIndex>, live: Range<usize>, name: &[u8]) {
        let before = states.len();
        self.step_once(states, live.clone(), name, before);
        if !name.contains(&b'.') {
            return;
        }
        let mut reached = states[live].to_vec();
        for part in name.split(|byte| *byte == b'.') {
            let live = 0..reached.len();
            self.step_once(&mut reached, live.clone(), part, live.end);
            reached.drain(live);
        }
        for node in reached {
            self.enter(node, states, before);
        }
    }

    fn step_once(&self, states: &mut Vec<NodeIndex>, live: Range<usize>, name: &[u8], before: usize) {
        for at in live {
            let state = states[at];
            let node = &self.nodes[state.0 as usize];
            if node.stays {
                self.enter(state, states, before);
            }
            if let Some(target) = node.names.get(name) {
                self.enter(*target, states, before);
            }
            if let Some(target) = node.any {
                self.enter(target, states, before);
            }
        }
    }

    /// Adds a node and those that `**` reaches from it without a name.
    fn enter(&self, node: NodeIndex, states: &mut Vec<NodeIndex>, before: usize) {
        if states[before..].contains(&node) {
            return;
        }
        states.push(node);
        if let Some(below) = self.nodes[node.0 as usize].any_depth {
            self.enter(below, states, before);
        }
    }

    /// The action of the most specific selector that ends at one of `states`.
    pub(super) fn accepted(&self, states: &[NodeIndex]) -> Option<Action> {
        let accepts = states.iter().filter_map(|state| self.nodes[state.0 as usize].accept);
        accepts.max_by_key(|accept| (accept.specificity, std::cmp::Reverse(accept.action.rule))).map(|a| a.action)
    }

    /// The action for a name as it stands in a text or in the label of a value: `user`, `client_ip`, `user.id`, or after
    /// the last part of a longer path, `http.request.header.x-forwarded-for`, or after the end of the name.
    pub(super) fn named_as_written(&self, name: &[u8]) -> Option<Action> {
        if let Ok(found) = self.names.plain(name) {
            return found;
        }
        if name.len() > NAME_BYTES_MAX {
            return None;
        }
        let name = String::from_utf8_lossy(name);
        let mut reduced = String::with_capacity(name.len());
        let parts = names::reduce_parts(&name, &mut reduced);
        let part = |from: usize| reduced.get(from..).and_then(|part| self.names.whole(part));
        let by_path = || {
            let selected = || self.selected(&name);
            selected().or_else(|| part(parts.last)).or_else(|| part(parts.parent))
        };
        let by_path = || parts.is_path().then(by_path).flatten();
        self.names.whole(&reduced).or_else(by_path).or_else(|| self.names.end(&name))
    }

    /// The action of a selector for a path flattened with dots.
    fn selected(&self, path: &str) -> Option<Action> {
        let mut states = Vec::new();
        self.start(&mut states);
        let live = 0..states.len();
        self.step(&mut states, live.clone(), path.as_bytes());
        self.accepted(&states[live.end..])
    }

    /// The action for a header; names compare without case.
    pub(super) fn header(&self, name: &str) -> Option<Action> {
        let by_name = || self.named_as_written(name.as_bytes());
        self.headers.get(&name.to_ascii_lowercase()).copied().or(self.any_header).or_else(by_name)
    }

    /// The action for what a shape finds.
    pub(super) fn shape(&self, shape: Shape) -> Action {
        self.shapes[shape as usize]
    }

    /// Whether a value is too common a word to be looked for outside its own field. `value` is lower case.
    pub(super) fn is_ambiguous(&self, value: &[u8]) -> bool {
        value.len() <= self.ambiguous_bytes_max && self.ambiguous.contains(value)
    }
}

/// Id and text of a rule's expression, if it has one.
fn expression_of(rule: &Rule) -> Option<(&str, &str)> {
    match &rule.detect {
        Some(Detector::Regex(text)) => Some((&rule.id, text)),
        Some(Detector::Shape(_)) | None => None,
    }
}
