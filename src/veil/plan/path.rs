//! Where a value stands in a JSON text, and what the names above it tell.

use super::keyed;
use super::siblings::{LABEL_BYTES_MAX, Role};
use crate::decode::json::Quoted;
use crate::rules::Class;
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

/// Reduced names of fields that hold somebody's name as often as something's.
const PERSON_NAMES: [&str; 2] = ["name", "displayname"];

/// The names above the present value, as live trie nodes.
pub(super) struct Path<'m> {
    matcher: &'m Matcher,
    /// Whether the names are those of the claims of a token.
    claims: Option<Action>,
    states: Vec<NodeIndex>,
    frames: Vec<Frame>,
    /// The value that comes next.
    next: Frame,
    /// The reduced names above, one after the other.
    names: String,
    /// The names above as they are written, with dots between them.
    written: String,
    /// Objects that were opened so far.
    objects: usize,
}

/// A place in the JSON text: its live nodes and what is expected there.
#[derive(Debug, Clone)]
struct Frame {
    states: Range<usize>,
    expected: Expected,
    role: Role,
    array: bool,
    /// The field name that led here, as a range of the path's reduced names; of a flattened path the last part.
    name: Range<usize>,
    /// The same name as it is written.
    written: Range<usize>,
    /// The number of the object, in the order in which objects open.
    object: usize,
    /// The text that names the content of this object.
    label: Option<Quoted>,
    /// What the names in this object are, where they are data.
    keyed: Option<Action>,
    /// A text of this object that is called a name, and that no rule speaks of.
    named: Option<Quoted>,
    /// Whether a member of this object reaches a person: by mail, by telephone.
    is_contact: bool,
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
            written: 0..0,
            object: 0,
            label: None,
            keyed: None,
            named: None,
            is_contact: false,
        };
        let (names, written) = (String::new(), String::new());
        Self { matcher, claims, states, frames: Vec::new(), next, names, written, objects: 0 }
    }

    /// What is known of the value that comes next.
    pub(super) fn expected(&self) -> Expected {
        self.next.expected
    }

    pub(super) fn open(&mut self, array: bool) {
        let mut frame = Frame { array, object: self.objects, ..self.next.clone() };
        if array {
            // Elements stand under the array's own name.
            self.next = frame.clone();
        } else {
            frame.keyed = self.written.get(frame.written.clone()).and_then(|name| keyed::of(self.matcher, name));
            self.objects += 1;
        }
        self.frames.push(frame);
    }

    /// What an item of the present array is, where the array's name tells what its items are: `{"users": ["alice"]}`.
    pub(super) fn item(&self, text: &[u8]) -> Option<Action> {
        let array = self.frames.last().filter(|frame| frame.array)?;
        let action = keyed::of(self.matcher, self.written.get(array.written.clone())?)?;
        keyed::is_data(action.class, text).then_some(action)
    }

    /// What the name of a member of the present object is, where the object's own name tells that such names are data.
    pub(super) fn keyed(&self, name: &[u8]) -> Option<Action> {
        let action = self.frames.last()?.keyed?;
        keyed::is_data(action.class, name).then_some(action)
    }

    pub(super) fn close(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.states.truncate(frame.states.end);
        }
        if let Some(above) = self.frames.last().filter(|above| above.array) {
            self.next = above.clone();
        }
    }

    /// Notes the text that comes next in the present object, if it is a label.
    pub(super) fn text(&mut self, text: &Quoted) {
        let object = self.frames.last_mut().filter(|frame| !frame.array);
        if let (Role::Label, Some(object), ..=LABEL_BYTES_MAX) = (self.next.role, object, text.inner.len()) {
            object.label.get_or_insert_with(|| text.clone());
        }
        let Some(object) = self.frames.last_mut().filter(|frame| !frame.array) else { return };
        match self.next.expected.action() {
            Some(action) => object.is_contact |= matches!(action.class, Class::Email | Class::Phone),
            None if self.names.get(self.next.name.clone()).is_some_and(|name| PERSON_NAMES.contains(&name)) => {
                object.named = Some(text.clone());
            }
            None => {}
        }
    }

    /// The name in the present object that may be a person's, for beside it stands how to reach somebody.
    pub(super) fn contact(&self) -> Option<Quoted> {
        self.frames.last().filter(|object| object.is_contact)?.named.clone()
    }

    /// The label of the present object, if the member `name` is the content that it names. Where the label has not come
    /// yet, `ahead` finds it by the number of the object.
    pub(super) fn label(&mut self, name: &[u8], ahead: impl FnOnce(usize) -> Option<Quoted>) -> Option<Quoted> {
        let object = self.frames.last_mut()?;
        if Role::of(name) != Role::Content {
            return None;
        }
        if object.label.is_none() {
            object.label = ahead(object.object);
        }
        object.label.clone()
    }

    /// Goes to the member `name` of the present object; `label` is what the object calls its content.
    pub(super) fn member(&mut self, name: &str, label: Option<&str>) {
        let Some(parent) = self.frames.last().cloned() else { return };
        self.states.truncate(parent.states.end);
        let start = self.states.len();
        self.matcher.step(&mut self.states, parent.states.clone(), name.as_bytes());
        let states = start..self.states.len();
        let role = Role::of(name.as_bytes());
        let mut called = self.call(&parent, name);
        if let Some(label) = label {
            let by_label = self.call(&parent, label);
            called = Called { action: by_label.action.or(called.action), ..by_label };
        } else if called.action.is_none()
            && matches!(role, Role::Content | Role::Wrapped)
            && parent.expected != Expected::Unknown
        {
            // `{"user": {"value": …}}` is a user, and so is `{"user": {"value": {"string": …}}}`.
            called = Called { action: parent.expected.action(), name: parent.name, written: parent.written };
        }
        let expected = match (self.matcher.accepted(&self.states[states.clone()]), parent.expected) {
            (Some(action), _) => Expected::Selected(action),
            (None, Expected::Selected(_)) => parent.expected,
            (None, Expected::Unknown | Expected::Named(_)) => called.action.map_or(Expected::Unknown, Expected::Named),
        };
        let Called { name, written, .. } = called;
        self.next = Frame {
            states,
            expected,
            role,
            array: false,
            name,
            written,
            object: 0,
            label: None,
            keyed: None,
            named: None,
            is_contact: false,
        };
    }

    /// Appends a name below `parent`, and finds the rule that it stands for.
    fn call(&mut self, parent: &Frame, name: &str) -> Called {
        self.names.truncate(parent.name.end);
        self.written.truncate(parent.written.end);
        self.written.push('.');
        self.written.push_str(name);
        let parts = names::reduce_parts(name, &mut self.names);
        let written = parent.written.end + 1..self.written.len();
        let action = self.by_name(parent, name, &parts);
        Called { name: parts.last..self.names.len(), written, action }
    }

    /// What the last name says alone; together with the one above it, as `{"user": {"name": …}}` is also `username`; or
    /// below somebody's name as a kind of name, as `{"user": {"first": …}}` is also `firstname`; or by its end.
    fn by_name(&mut self, parent: &Frame, name: &str, parts: &names::Parts) -> Option<Action> {
        let (own, names) = (parent.name.end, &self.matcher.names);
        let whole = |from: usize| self.names.get(from..).and_then(|name| names.whole(name));
        let found = if parts.is_path() {
            whole(own).or_else(|| self.matcher.named_as_written(name.as_bytes()))
        } else {
            whole(own).or_else(|| whole(parent.name.start))
        };
        if found.is_some() {
            return found;
        }
        if let Some(claims) = self.claims
            && let Some(class) = self.names.get(own..).and_then(claim)
        {
            return Some(Action { class, ..claims });
        }
        if parent.expected.action().is_some_and(|action| action.is_somebody()) {
            let length = self.names.len();
            self.names.push_str("name");
            let found = self.names.get(own..).and_then(|name| names.whole(name));
            self.names.truncate(length);
            let found = found.filter(|action| matches!(action.class, Class::Person | Class::User));
            if found.is_some() {
                return found;
            }
        }
        self.written.get(parent.written.start..).and_then(|written| names.end(written))
    }
}

/// A name below another, and the rule that goes by it.
struct Called {
    name: Range<usize>,
    written: Range<usize>,
    action: Option<Action>,
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
