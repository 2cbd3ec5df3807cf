//! Where a value stands in a JSON text, and what the names above it tell.

use super::keyed;
use super::siblings::{LABEL_BYTES_MAX, Role};
use crate::decode::json::{Head, Quoted, Tokens};
use crate::rules::{Class, Unknown};
use crate::transform::RuleIndex;
use crate::veil::matcher::{Action, Matcher, NodeIndex};
use crate::veil::names;

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

/// A place in JSON texts of one kind: what the names on the way to it tell.
#[derive(Debug, Clone)]
struct Place {
    /// The selectors' trie nodes that are live here.
    states: Vec<NodeIndex>,
    expected: Expected,
    role: Role,
    /// The reduced field name that led here; of a flattened path the last part.
    name: String,
    /// The same name as it is written.
    written: String,
    /// What the names of an object here are where they are data, and the items of an array.
    keyed: Option<Action>,
    /// Whether a text here is what somebody may be called by.
    is_person_name: bool,
    /// Whether nothing is to be done about a text, number or literal here but to pass by: no rule speaks of it, and it says nothing of others.
    is_idle: bool,
    /// The name, if the place is kept and the name tells nothing but what stands here: it holds no entity, asks for no label
    /// and is no item of an object with data for names.
    plain_head: Option<Head>,
    /// The members that came first in the last object here, and behind this one in the last object around it: logs
    /// repeat their members in order.
    first: Option<PlaceIndex>,
    after: Option<PlaceIndex>,
    /// The places below that are known, by name.
    below: Below,
}

/// Places by the name that leads to them.
#[expect(clippy::disallowed_types, reason = "looked up only; no order leaves it")]
type Below = std::collections::HashMap<Box<[u8]>, PlaceIndex>;

/// Index of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PlaceIndex(u32);

/// The most places that are kept. The members of one kind of event are some hundred.
const PLACES_MAX: usize = 4096;
/// A longer name is worked out anew each time.
const KEPT_NAME_BYTES_MAX: usize = 64;

/// The places that the texts of a batch have in common, so that what a name tells is worked out once.
///
/// Names can be data, as in maps keyed by user: places live as long as their batch.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Those that are kept, and behind them those of the present text that are not.
    all: Vec<Place>,
    kept: usize,
    /// Where texts start, by the matcher's own rule, and by whether they are the claims of a token.
    roots: Vec<((RuleIndex, Option<Action>), PlaceIndex)>,
    /// Spare lists of open objects, one for each path that has ended.
    spare_frames: Vec<Vec<Frame>>,
}

impl Places {
    /// Forgets every place.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.kept = 0;
        self.roots.clear();
    }

    /// What [`Self::release`] takes when the places that come now are of no more use.
    pub(super) fn mark(&self) -> usize {
        self.all.len()
    }

    /// Drops the places since `mark` that are not kept.
    pub(super) fn release(&mut self, mark: usize) {
        self.all.truncate(mark.max(self.kept));
    }

    fn at(&self, index: PlaceIndex) -> &Place {
        &self.all[index.0 as usize]
    }

    fn root(&mut self, matcher: &Matcher, claims: Option<Action>) -> PlaceIndex {
        let key = (matcher.whole.rule, claims);
        if let Some((_, index)) = self.roots.iter().find(|(known, _)| *known == key) {
            return *index;
        }
        let mut states = Vec::new();
        matcher.start(&mut states);
        let (index, kept) = self.add(Place {
            states,
            expected: Expected::Unknown,
            role: Role::Plain,
            name: String::new(),
            written: String::new(),
            keyed: None,
            is_person_name: false,
            is_idle: matcher.unknown == Unknown::Keep,
            plain_head: None,
            first: None,
            after: None,
            below: Below::default(),
        });
        if kept {
            self.roots.push((key, index));
        }
        index
    }

    /// Whether a place that is added now is kept.
    fn keeps_more(&self) -> bool {
        // Behind one that is not kept, none is: it goes with it.
        self.all.len() == self.kept && self.kept < PLACES_MAX
    }

    /// Adds a place, and tells whether it is kept.
    fn add(&mut self, place: Place) -> (PlaceIndex, bool) {
        let index = PlaceIndex(self.all.len() as u32);
        let keeps = self.keeps_more();
        self.kept += usize::from(keeps);
        self.all.push(place);
        (index, keeps)
    }

    /// The place of the member that came here in the last object like this.
    fn expected_member(&self, object: PlaceIndex, last: Option<PlaceIndex>) -> Option<PlaceIndex> {
        last.map_or(self.at(object).first, |last| self.at(last).after)
    }

    /// Notes that the kept place `member` came behind `last` in `object`.
    fn expect_member(&mut self, object: PlaceIndex, last: Option<PlaceIndex>, member: PlaceIndex) {
        let slot = match last {
            Some(last) => &mut self.all[last.0 as usize].after,
            None => &mut self.all[object.0 as usize].first,
        };
        *slot = Some(member);
    }

    /// Adds a place that is not kept.
    fn add_for_now(&mut self, place: Place) -> PlaceIndex {
        self.all.push(place);
        PlaceIndex(self.all.len() as u32 - 1)
    }
}

/// The way down to the present value.
pub(super) struct Path<'m> {
    matcher: &'m Matcher,
    /// Whether the names are those of the claims of a token.
    claims: Option<Action>,
    /// The objects and arrays that are open.
    frames: Vec<Frame>,
    /// Where the value that comes next stands.
    next: PlaceIndex,
    /// Objects that were opened so far.
    objects: usize,
}

/// An open object or array.
#[derive(Debug, Clone)]
struct Frame {
    place: PlaceIndex,
    array: bool,
    /// The number of the object, in the order in which objects open.
    object: usize,
    /// The text that names the content of this object.
    label: Option<Quoted>,
    /// Which places are those of members.
    mark: usize,
    /// The place of the last member, if it is kept.
    last: Option<PlaceIndex>,
    /// A text of this object that is called a name, and that no rule speaks of.
    named: Option<Quoted>,
    /// Whether a member of this object reaches a person: by mail, by telephone.
    is_contact: bool,
}

impl<'m> Path<'m> {
    /// Starts at the top. `claims` are the claims of a token; they are treated as parts of it.
    pub(super) fn new(places: &mut Places, matcher: &'m Matcher, claims: Option<Action>) -> Self {
        let next = places.root(matcher, claims);
        Self { matcher, claims, frames: places.spare_frames.pop().unwrap_or_default(), next, objects: 0 }
    }

    /// Gives back what the next path can use.
    pub(super) fn end(mut self, places: &mut Places) {
        self.frames.clear();
        places.spare_frames.push(self.frames);
    }

    /// What is known of the value that comes next.
    pub(super) fn expected(&self, places: &Places) -> Expected {
        places.at(self.next).expected
    }

    pub(super) fn open(&mut self, places: &Places, array: bool) {
        // Elements stand under the array's own name.
        self.frames.push(Frame {
            place: self.next,
            array,
            object: self.objects,
            label: None,
            mark: places.mark(),
            last: None,
            named: None,
            is_contact: false,
        });
        self.objects += usize::from(!array);
    }

    /// What an item of the present array is, where the array's name tells what its items are: `{"users": ["alice"]}`.
    pub(super) fn item(&self, places: &Places, text: &[u8]) -> Option<Action> {
        let array = self.frames.last().filter(|frame| frame.array)?;
        let action = places.at(array.place).keyed?;
        keyed::is_data(action.class, text).then_some(action)
    }

    /// What the name of a member of the present object is, where the object's own name tells that such names are data.
    pub(super) fn keyed(&self, places: &Places, name: &[u8]) -> Option<Action> {
        let action = places.at(self.frames.last()?.place).keyed?;
        keyed::is_data(action.class, name).then_some(action)
    }

    /// Ends the present object or array; the places of its members that are not kept are gone.
    pub(super) fn close(&mut self, places: &mut Places) {
        let Some(closed) = self.frames.pop() else { return };
        // Its own place is older than its members', and so is that of the array around it.
        self.next = self.frames.last().filter(|above| above.array).map_or(closed.place, |above| above.place);
        places.release(closed.mark);
    }

    /// Notes the text that comes next in the present object, if it is a label or a name.
    pub(super) fn text(&mut self, places: &Places, text: &Quoted) {
        let place = places.at(self.next);
        let Some(object) = self.frames.last_mut().filter(|frame| !frame.array) else { return };
        if let (Role::Label, ..=LABEL_BYTES_MAX) = (place.role, text.inner.len()) {
            object.label.get_or_insert_with(|| text.clone());
        }
        match place.expected.action() {
            Some(action) => object.is_contact |= matches!(action.class, Class::Email | Class::Phone),
            None if place.is_person_name => object.named = Some(text.clone()),
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

    /// Whether a text that comes next is to be passed by.
    pub(super) fn is_idle(&self, places: &Places) -> bool {
        places.at(self.next).is_idle
    }

    /// Reads members as long as they are those that came here in the last object like this, and passes by what no rule
    /// speaks of. Stops behind a name whose value is to be looked at, or before anything else.
    ///
    /// Only names that tell nothing else are read; for others [`Self::keyed`], [`Self::label`] and [`Self::member`] are to be
    /// asked.
    pub(super) fn usual_members(&mut self, places: &mut Places, tokens: &mut Tokens<'_>) {
        let Some(frame) = self.frames.last_mut() else { return };
        let mut expected = places.expected_member(frame.place, frame.last);
        while let Some(index) = expected {
            let place = places.at(index);
            if !place.plain_head.as_ref().is_some_and(|head| tokens.member(head)) {
                return;
            }
            frame.last = expected;
            self.next = index;
            if !(place.is_idle && tokens.pass_value()) {
                return places.release(frame.mark);
            }
            expected = place.after;
        }
    }

    /// Goes to the member `name` of the present object; `label` is what the object calls its content.
    pub(super) fn member(&mut self, places: &mut Places, name: &[u8], label: Option<&str>) {
        let Some(&Frame { place: parent, mark, last, .. }) = self.frames.last() else { return };
        places.release(mark);
        let kept = if label.is_none() { self.kept_member(places, parent, name) } else { None };
        match kept {
            Some(index) => {
                places.expect_member(parent, last, index);
                self.next = index;
            }
            None => {
                let place = self.below(places.at(parent), &String::from_utf8_lossy(name), label);
                self.next = places.add_for_now(place);
            }
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.last = kept;
        }
    }

    /// The kept place of a member, made if there is room for it.
    fn kept_member(&self, places: &mut Places, parent: PlaceIndex, name: &[u8]) -> Option<PlaceIndex> {
        if let Some(known) = places.at(parent).below.get(name) {
            return Some(*known);
        }
        if name.len() > KEPT_NAME_BYTES_MAX || !places.keeps_more() {
            return None;
        }
        let mut place = self.below(places.at(parent), &String::from_utf8_lossy(name), None);
        if place.role != Role::Content && !may_hold_entity(name) && places.at(parent).keyed.is_none() {
            place.plain_head = Head::new(name);
        }
        let (index, kept) = places.add(place);
        if kept {
            places.all[parent.0 as usize].below.insert(name.into(), index);
        }
        kept.then_some(index)
    }

    /// The place of the member `name` below `parent`.
    fn below(&self, parent: &Place, name: &str, label: Option<&str>) -> Place {
        let mut states = parent.states.clone();
        self.matcher.step(&mut states, 0..parent.states.len(), name.as_bytes());
        states.drain(..parent.states.len());
        let role = Role::of(name.as_bytes());
        let mut called = self.call(parent, name);
        if let Some(label) = label {
            let by_label = self.call(parent, label);
            called = Called { action: by_label.action.or(called.action), ..by_label };
        } else if called.action.is_none()
            && matches!(role, Role::Content | Role::Wrapped)
            && parent.expected != Expected::Unknown
        {
            // `{"user": {"value": …}}` is a user, and so is `{"user": {"value": {"string": …}}}`.
            let (name, written) = (parent.name.clone(), parent.written.clone());
            called = Called { action: parent.expected.action(), name, written };
        }
        let expected = match (self.matcher.accepted(&states), parent.expected) {
            (Some(action), _) => Expected::Selected(action),
            (None, Expected::Selected(_)) => parent.expected,
            (None, Expected::Unknown | Expected::Named(_)) => called.action.map_or(Expected::Unknown, Expected::Named),
        };
        let Called { name, written, .. } = called;
        let keyed = keyed::of(self.matcher, &written);
        let is_person_name = PERSON_NAMES.contains(&name.as_str());
        let tells = role == Role::Label || is_person_name || keyed.is_some();
        Place {
            states,
            expected,
            role,
            name,
            written,
            keyed,
            is_person_name,
            is_idle: self.matcher.unknown == Unknown::Keep && expected == Expected::Unknown && !tells,
            plain_head: None,
            first: None,
            after: None,
            below: Below::default(),
        }
    }

    /// A name below `parent`, and the rule that it stands for.
    fn call(&self, parent: &Place, written: &str) -> Called {
        let mut names = parent.name.clone();
        let parts = names::reduce_parts(written, &mut names);
        let action = self.by_name(parent, written, &mut names, &parts);
        Called { name: names.split_off(parts.last), written: written.to_owned(), action }
    }

    /// What the last name says alone; together with the one above it, as `{"user": {"name": …}}` is also `username`; or
    /// below somebody's name as a kind of name, as `{"user": {"first": …}}` is also `firstname`; or by its end.
    ///
    /// `reduced` are the parent's name and this one.
    fn by_name(&self, parent: &Place, written: &str, reduced: &mut String, parts: &names::Parts) -> Option<Action> {
        let (own, names) = (parent.name.len(), &self.matcher.names);
        let whole = |from: usize| reduced.get(from..).and_then(|name| names.whole(name));
        let found = if parts.is_path() {
            whole(own).or_else(|| self.matcher.named_as_written(written.as_bytes()))
        } else {
            whole(own).or_else(|| whole(0))
        };
        if found.is_some() {
            return found;
        }
        if let Some(claims) = self.claims
            && let Some(class) = reduced.get(own..).and_then(claim)
        {
            return Some(Action { class, ..claims });
        }
        if parent.expected.action().is_some_and(|action| action.is_somebody()) {
            let length = reduced.len();
            reduced.push_str("name");
            let found = reduced.get(own..).and_then(|name| names.whole(name));
            reduced.truncate(length);
            let found = found.filter(|action| matches!(action.class, Class::Person | Class::User));
            if found.is_some() {
                return found;
            }
        }
        names.end(&[&parent.written, ".", written].concat())
    }
}

/// Whether a name may itself hold an entity that its shape gives away: every shape holds a digit, an at-sign or a colon.
pub(super) fn may_hold_entity(name: &[u8]) -> bool {
    name.iter().any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b':'))
}

/// A name below another, and the rule that goes by it.
struct Called {
    name: String,
    written: String,
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
