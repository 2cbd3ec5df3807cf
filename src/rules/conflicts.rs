//! Refuses packs in which two rules claim one value equally, so that the order of rules can never matter.

use super::load::Draft;
use super::load_error::LoadError;
use std::hash::Hash;
use toml::Spanned;

/// Merges the rules of shared files behind a pack's own.
///
/// What the pack states itself is taken out of the shared rules, and a shared rule left with nothing is gone.
pub(super) fn merge<'s>(own: Vec<Draft<'s>>, shared: impl Iterator<Item = Draft<'s>>) -> Vec<Draft<'s>> {
    let mut merged = own;
    let own_count = merged.len();
    for mut draft in shared {
        let own = merged.get(..own_count).unwrap_or_default();
        draft.select.retain(|s| !own.iter().flat_map(|o| &o.select).any(|other| other.get_ref() == s.get_ref()));
        draft.named.retain(|n| !own.iter().flat_map(|o| &o.named).any(|other| other.get_ref() == n.get_ref()));
        draft.detect.take_if(|d| own.iter().flat_map(|o| &o.detect).any(|other| other.get_ref() == d.get_ref()));
        if !draft.select.is_empty() || !draft.named.is_empty() || draft.detect.is_some() {
            merged.push(draft);
        }
    }
    merged
}

/// Lists the places where a value is claimed twice.
pub(super) fn find(drafts: &[Draft<'_>]) -> Vec<LoadError> {
    let mut errors = Vec::new();
    find_equal(drafts, |draft| vec![&draft.id], "id", &mut errors);
    find_equal(drafts, |draft| draft.named.iter().collect(), "name", &mut errors);
    find_equal(drafts, |draft| draft.detect.iter().collect(), "detector", &mut errors);
    find_overlaps(drafts, &mut errors);
    errors
}

/// Reports every claim of one kind that an earlier rule, or the same rule, has made already.
fn find_equal<'d, 's, T: Eq + Hash + 'd>(
    drafts: &'d [Draft<'s>],
    claims: impl Fn(&'d Draft<'s>) -> Vec<&'d Spanned<T>>,
    kind: &str,
    errors: &mut Vec<LoadError>,
) {
    #[expect(clippy::disallowed_types, reason = "looked up only; no order leaves it")]
    let mut seen = std::collections::HashMap::<&T, &Draft<'s>>::new();
    for draft in drafts {
        for claim in claims(draft) {
            let Some(earlier) = seen.insert(claim.get_ref(), draft) else { continue };
            let hint = match kind {
                "name" => "names are compared without case and punctuation: `clientIp` is `client_ip`",
                "id" => "give each rule an id of its own",
                _ => "keep it in one of the rules",
            };
            let message = format!("this {kind} is already in {}", describe(earlier, draft));
            errors.push(LoadError::new(draft.source, claim.span(), message).hint(hint));
        }
    }
}

/// Reports every two selectors that meet in some field and of which neither is more specific.
fn find_overlaps(drafts: &[Draft<'_>], errors: &mut Vec<LoadError>) {
    let all: Vec<_> = drafts.iter().flat_map(|draft| draft.select.iter().map(move |select| (draft, select))).collect();
    for (at, (draft, select)) in all.iter().enumerate() {
        let (a, span) = (select.get_ref(), select.span());
        for (earlier, other) in all.iter().take(at) {
            let b = other.get_ref();
            let one_rule = std::ptr::eq(*earlier, *draft) && a != b;
            if one_rule || a.specificity() != b.specificity() || !a.intersects(b) {
                continue;
            }
            let place = describe(earlier, draft);
            let error = if a == b {
                let message = match decides_otherwise(earlier, draft) {
                    Some(both) => format!("rule `{}` gives `{a}` {both} of {place}", draft.id.get_ref()),
                    None => format!("`{a}` of rule `{}` is already in {place}", draft.id.get_ref()),
                };
                LoadError::new(draft.source, span.clone(), message).hint("select a field in one rule only")
            } else {
                LoadError::new(
                    draft.source,
                    span.clone(),
                    format!("`{a}` meets `{b}` in {place}, and neither is more specific"),
                )
                .hint("put both into one rule, or name the fields they share with fewer `*` in one of them")
            };
            errors.push(error);
        }
    }
}

/// What the later of two rules decides otherwise than the earlier one: `transform "drop", not "pseudonymize"`.
fn decides_otherwise(earlier: &Draft<'_>, later: &Draft<'_>) -> Option<String> {
    let differ = |what: &str, earlier: &str, later: &str| {
        (earlier != later).then(|| format!("the {what} `{later}`, not the `{earlier}`"))
    };
    differ("class", earlier.class.code(), later.class.code())
        .or_else(|| differ("transform", earlier.transform.code(), later.transform.code()))
}

/// Names a rule for an error that stands at `seen_from`.
fn describe(rule: &Draft<'_>, seen_from: &Draft<'_>) -> String {
    if std::ptr::eq(rule, seen_from) {
        return "this rule".to_owned();
    }
    format!("rule `{}` ({}:{})", rule.id.get_ref(), rule.source.file, rule.source.line(rule.id.span().start))
}
