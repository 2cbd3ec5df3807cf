//! Where a value stands in a JSON text, and what the names above it tell.

use crate::rules::{Class, FieldName};
use crate::veil::matcher::{Action, Matcher, NodeIndex};
use std::ops::Range;

/// What is known of a value in a JSON text from the names above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// No rule speaks of it.
    Unknown,
    /// A selector names it, or a container above it.
    Selected(Action),
    /// Its field name alone gives it away; that says little of an object's members.
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

/// What a member is to the others of its object, as in `{"name": "user", "value": "alice"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Plain,
    /// Its text is the name of what the content is.
    Label,
    /// The value that the label names, or that the object's own name names: `{"user": {"value": "alice"}}`.
    Content,
}

impl Role {
    /// The role of a member by its reduced name.
    fn of(name: &str) -> Self {
        match name {
            // OTLP's and AWS's `key`, Windows' and HAR's `name`.
            "name" | "key" | "field" | "fieldname" | "attribute" | "property" | "param" | "parameter" | "header" => {
                Self::Label
            }
            // Also what OTLP, Google and Microsoft wrap values in, XML's `#text` and DynamoDB's types.
            "value" | "values" | "val" | "text" | "content" | "raw" | "original" | "string" | "stringvalue"
            | "stringval" | "strval" | "intvalue" | "intval" | "longvalue" | "numbervalue" | "multivalue"
            | "newvalue" | "oldvalue" | "displayvalue" | "s" | "n" | "t" => Self::Content,
            _ => Self::Plain,
        }
    }
}

/// The names above the present value, as live trie nodes.
pub(super) struct Path<'m> {
    matcher: &'m Matcher,
    /// Whether the names are those of the claims of a token.
    claims: Option<Action>,
    states: Vec<NodeIndex>,
    frames: Vec<Frame>,
    /// The value that comes next.
    pub(super) next: Frame,
    /// The reduced names above, one after the other.
    names: String,
}

/// A place in the JSON text: its live nodes and what is expected there.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    states: Range<usize>,
    pub(super) expected: Expected,
    pub(super) role: Role,
    array: bool,
    /// The field name that led here, as a range of the path's names.
    name: Range<usize>,
    /// What the object's label says that its content is.
    label: Option<Action>,
    /// The content that came before the label, as a range of the JSON text.
    pending: Option<Range<usize>>,
}

impl<'m> Path<'m> {
    /// Starts at the top. `claims` are the claims of a token; they are treated as parts of it.
    pub(super) fn new(matcher: &'m Matcher, claims: Option<Action>) -> Self {
        let mut states = Vec::new();
        matcher.start(&mut states);
        let next = Frame {
            states: 0..states.len(),
            expected: Expected::Unknown,
            role: Role::Plain,
            array: false,
            name: 0..0,
            label: None,
            pending: None,
        };
        Self { matcher, claims, states, frames: Vec::new(), next, names: String::new() }
    }

    pub(super) fn open(&mut self, array: bool) {
        let inherited = match self.next.role {
            Role::Content => self.frames.last().and_then(|above| above.label),
            Role::Plain | Role::Label => None,
        };
        let frame = Frame { array, label: inherited, pending: None, ..self.next.clone() };
        if array {
            // Elements stand under the array's own name.
            self.next = frame.clone();
        }
        self.frames.push(frame);
    }

    pub(super) fn close(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.states.truncate(frame.states.end);
        }
        if let Some(above) = self.frames.last().filter(|above| above.array) {
            self.next = above.clone();
        }
    }

    /// Goes to the member `name` of the present object.
    pub(super) fn member(&mut self, name: &[u8]) {
        let Some(frame) = self.frames.last() else { return };
        let (above, inherited, parent, label) = (frame.states.clone(), frame.expected, frame.name.clone(), frame.label);
        self.states.truncate(above.end);
        let start = self.states.len();
        self.matcher.step(&mut self.states, above, name);
        let states = start..self.states.len();
        self.names.truncate(parent.end);
        FieldName::reduce_into(&String::from_utf8_lossy(name), &mut self.names);
        let own = parent.end..self.names.len();
        let role = self.names.get(own.start..).map_or(Role::Plain, Role::of);
        let expected = match (self.matcher.accepted(&self.states[states.clone()]), inherited) {
            (Some(action), _) => Expected::Selected(action),
            (None, Expected::Selected(_)) => inherited,
            (None, Expected::Unknown | Expected::Named(_)) => {
                let named = self.by_name(name, parent.start, own.start, inherited.action());
                let content = || if role == Role::Content { label.or(inherited.action()) } else { None };
                named.or_else(content).map_or(Expected::Unknown, Expected::Named)
            }
        };
        self.next = Frame { states, expected, role, array: false, name: own, label: None, pending: None };
    }

    /// What the last name says alone; together with the one above it, as `{"user": {"name": …}}` is also `username`; or
    /// below somebody's name as a kind of name, as `{"user": {"first": …}}` is also `firstname`.
    fn by_name(&mut self, name: &[u8], parent: usize, own: usize, above: Option<Action>) -> Option<Action> {
        let named = |from: usize| self.names.get(from..).and_then(|name| self.matcher.named(name));
        let found = named(own).or_else(|| named(parent));
        if found.is_some() {
            return found;
        }
        if let Some(claims) = self.claims
            && let Some(class) = self.names.get(own..).and_then(claim)
        {
            return Some(Action { class, ..claims });
        }
        let is_somebody = |action: Action| {
            matches!(action.class, Class::User | Class::Person | Class::UserId | Class::Email | Class::Account)
        };
        if above.is_some_and(is_somebody) {
            let length = self.names.len();
            self.names.push_str("name");
            let found = self.names.get(own..).and_then(|name| self.matcher.named(name));
            self.names.truncate(length);
            return found.filter(|action| matches!(action.class, Class::Person | Class::User));
        }
        if name.contains(&b'.') { self.matcher.named_as_written(name) } else { None }
    }

    /// Notes the text of a label of the present object; the content that came before it and what it is, if it did.
    pub(super) fn label(&mut self, text: &[u8]) -> Option<(Range<usize>, Action)> {
        let frame = self.frames.last_mut().filter(|frame| !frame.array)?;
        let action = self.matcher.named_as_written(text)?;
        frame.label = Some(action);
        Some((frame.pending.take()?, action))
    }

    /// Notes a content of the present object whose label has not come yet.
    pub(super) fn content(&mut self, span: Range<usize>) {
        if let Some(frame) = self.frames.last_mut().filter(|frame| !frame.array && frame.label.is_none()) {
            frame.pending = Some(span);
        }
    }
}

/// The class of a claim of a token, by its reduced name: RFC 7519, section 4.1; OpenID Connect Core 1.0, section 5.1;
/// RFC 7662, section 2.2; Microsoft identity platform, "Access token claims reference".
fn claim(name: &str) -> Option<Class> {
    Some(match name {
        "sub" | "oid" | "uid" | "puid" | "userid" | "altsecid" => Class::UserId,
        "jti" | "uti" | "rh" | "nonce" | "athash" | "chash" | "shash" | "authcode" => Class::Token,
        "sid" | "sessionstate" | "sessionid" => Class::Session,
        "email" | "emails" | "upnemail" => Class::Email,
        "name" | "givenname" | "familyname" | "middlename" => Class::Person,
        "nickname" | "preferredusername" | "uniquename" | "upn" | "username" | "login" | "cognitousername" => {
            Class::User
        }
        "phonenumber" => Class::Phone,
        "address" | "birthdate" | "picture" | "profile" | "website" => Class::Text,
        "ipaddr" | "clientip" | "ip" => Class::Ip,
        "deviceid" => Class::Device,
        _ => return None,
    })
}
