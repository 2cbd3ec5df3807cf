//! Spreads a record's values: to wherever else they stand in it.

use super::own::Field;
use super::{Layer, Plan, Scope, looks_like_json, quoted_literal};
use crate::decode::escape::Undo;
use crate::decode::json::{JsonError, Token};
use crate::rules::Format;
use crate::transform::{Finding, Quoting, Source};
use crate::veil::matcher::Matcher;
use crate::veil::residue::Needles;
use crate::veil::{Packs, Reason};
use std::ops::Range;

impl Plan {
    /// Adds findings for the values of `needles` wherever else they stand in a part, but for its own words, and returns
    /// where these stand: ascending and disjoint. `planned` are the part's findings.
    pub(in crate::veil) fn spread(
        &mut self,
        packs: &Packs,
        matcher: &Matcher,
        needles: &Needles,
        text: &[u8],
        format: Format,
        planned: Range<usize>,
    ) -> Result<Vec<Range<u32>>, Reason> {
        let (start, scope) = (self.findings.len(), Scope::new(packs, matcher));
        let own = match format {
            Format::Json => self.spread_members(scope, needles, text, planned).ok(),
            Format::Line => None,
        };
        let own = own.unwrap_or_else(|| {
            self.own_text(scope, needles, text);
            let own = self.findings.split_off(start);
            self.spread_text(needles, text, Layer::default());
            own
        });
        let own = self.own_spans(own, text);
        self.leave_own(start, &own);
        if self.overflow { Err(Reason::TooMany) } else { Ok(own) }
    }

    /// Adds findings for values in the tokens of a JSON text, and returns those of the record's own words.
    fn spread_members(
        &mut self,
        scope: Scope<'_>,
        needles: &Needles,
        text: &[u8],
        planned: Range<usize>,
    ) -> Result<Vec<Finding>, JsonError> {
        let mut own = Vec::new();
        self.walk_json(text, |plan, mut tokens| {
            let (mut candidates, mut planned) = (needles.candidates(text), planned);
            let mut field = Field::default();
            while let Some(token) = tokens.next_token()? {
                if candidates.may_stand_in_token(text, &token) && !plan.is_replaced(&mut planned, &token) {
                    let found = plan.findings.len();
                    plan.own_token(scope, needles, text, &token, &field);
                    own.extend(plan.findings.drain(found..));
                    plan.spread_token(needles, text, &token, Layer::default());
                }
                field.pass(token);
            }
            Ok(())
        })?;
        Ok(own)
    }

    /// Whether a finding of `planned` replaces the whole of a token, whatever stands in it. Those before it are passed.
    fn is_replaced(&self, planned: &mut Range<usize>, token: &Token) -> bool {
        let (Some(span), is_literal) = (token.span(), matches!(token, Token::Number(_) | Token::Bool(_))) else {
            return false;
        };
        let before = |finding: &&Finding| finding.span.end as usize <= span.start;
        planned.start += self.findings[planned.clone()].iter().take_while(before).count();
        self.findings[planned.clone()].first().is_some_and(|finding| {
            let (start, end) = (finding.span.start as usize, finding.span.end as usize);
            // A number that stays one goes as a string where somebody else's value stands in it.
            start <= span.start && span.end <= end && !(is_literal && finding.quoting == Quoting::Text)
        })
    }

    pub(super) fn spread_json(&mut self, needles: &Needles, text: &[u8], layer: Layer) -> Result<(), JsonError> {
        self.walk_json(text, |plan, mut tokens| {
            let mut candidates = needles.candidates(text);
            while let Some(token) = tokens.next_token()? {
                if candidates.may_stand_in_token(text, &token) {
                    plan.spread_token(needles, text, &token, layer);
                }
            }
            Ok(())
        })
    }

    fn spread_token(&mut self, needles: &Needles, text: &[u8], token: &Token, layer: Layer) {
        match token {
            Token::Name(quoted) | Token::Text(quoted) => {
                self.quoted(text, quoted, |plan, inner| plan.spread_text(needles, inner, layer.in_string()));
            }
            Token::Number(span) | Token::Bool(span) => {
                // Also where it ends a number: `-12345678` and `0.12345678` hold `12345678`.
                if let Some(source) = needles.first_in(&text[span.clone()]) {
                    let quoting = quoted_literal(source.replacement, &text[span.clone()], layer);
                    self.push_spread(source, text, span.clone(), quoting);
                }
            }
            Token::ObjectStart | Token::ObjectEnd | Token::ArrayStart | Token::ArrayEnd | Token::Null => {}
        }
    }

    /// Looks into a text as it stands, as JSON, and with one more layer of escapes undone.
    pub(super) fn spread_text(&mut self, needles: &Needles, text: &[u8], layer: Layer) {
        let Some(inner) = layer.inner() else { return };
        if looks_like_json(text) && self.spread_json(needles, text, inner).is_ok() {
            return;
        }
        for (span, source) in needles.hits(text) {
            self.push_spread(source, text, span, Quoting::Text);
        }
        self.unescaped(text, Undo::Any, |plan, flat| plan.spread_text(needles, flat, inner));
    }

    pub(super) fn push_spread(&mut self, like: &Finding, text: &[u8], span: Range<usize>, quoting: Quoting) {
        if self.is_full() {
            self.overflow = true;
            return;
        }
        let value = self.keep_value(&text[span.clone()]);
        let span = span.start as u32..span.end as u32;
        self.findings.push(Finding { span, value, quoting, source: Source::Spread, ..like.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::load;
    use crate::transform::{Replacement, RuleIndex};
    use crate::veil::Choice;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static PACKS: LazyLock<Packs> = LazyLock::new(|| {
        let pack = r#"
            name = "p"
            version = 1
            format = "json"

            [[rule]]
            id = "user"
            select = ["user", "users.*"]
            class = "user"

            [[rule]]
            id = "user-id"
            select = ["uid"]
            class = "user-id"

            [[rule]]
            id = "place"
            select = ["lat"]
            class = "geo"
            transform = "round"

            [[rule]]
            id = "network"
            select = ["net"]
            class = "net"
        "#;
        Packs::compile(&[load::parse("p.toml", pack).unwrap()], &Choice::new("p")).unwrap()
    });

    /// A finding without its place among the values.
    type Found = (Range<u32>, Vec<u8>, RuleIndex, Replacement, Quoting, Source);

    /// What is replaced of a record when it is spread, and the own words beside it.
    fn spread(
        plan: &mut Plan,
        needles: &Needles,
        text: &[u8],
        planned: Range<usize>,
        passed: Range<usize>,
    ) -> (Vec<Found>, Vec<Range<u32>>) {
        let matcher = PACKS.at(PACKS.met_by(Some(text)).metadata);
        let found = plan.findings.len();
        plan.start_record();
        plan.findings.extend_from_within(planned);
        let mut own = plan.spread(&PACKS, matcher, needles, text, Format::Json, passed).unwrap();
        plan.resolve(found, text);
        let findings = plan.findings.split_off(found);
        let inside = |own: &Range<u32>, span: &Range<u32>| span.start <= own.start && own.end <= span.end;
        own.retain(|own| !findings.iter().any(|finding| inside(own, &finding.span)));
        let value = |finding: &Finding| plan.values[finding.value.start as usize..finding.value.end as usize].to_vec();
        let found = findings.into_iter();
        let found = found.map(|f| (f.span.clone(), value(&f), f.rule, f.replacement, f.quoting, f.source));
        (found.collect(), own)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn passing_what_is_replaced_changes_nothing(
            members in prop::collection::vec((
                prop::sample::select(vec![
                    "user", "uid", "lat", "net", "message", "port", "status", "bytes", "alice", "al\\u0069ce", "users\":{\"alice",
                ]),
                prop::sample::select(vec![
                    "\"alice\"", "\"Alice\"", "\"status\"", "12345678", "-12345678", "12.12345678", "\"12345678\"",
                    "\"192.0.2.0/24\"", "\"seen alice at 12.12345678\"", "\"{\\\"user\\\":\\\"alice\\\"}\"", "\"\"",
                    "\"%61lice\\nAlice\"", "[\"alice\",12345678,true]", "{\"bytes\":[12345678]}", "\"alice=12345678 status=1\"",
                    "\"192.0.2.0\"", "\"alice@example.com\"", "\"2026-01-02 12345678\"", "true",
                ]),
            ), 1..12),
        ) {
            let members: Vec<String> = members.iter().map(|(name, value)| {
                format!("\"{name}\":{value}{}", if name.contains('{') { "}" } else { "" })
            }).collect();
            let text = format!("{{{}}}", members.join(", "));
            let text = text.as_bytes();
            let matcher = PACKS.at(PACKS.met_by(Some(text)).metadata);
            let mut plan = Plan::default();
            plan.start_record();
            let planned = plan.part(text, |plan| plan.payload(&PACKS, Some(matcher), None, text)).unwrap();
            let mut needles = Needles::default();
            needles.collect(matcher, &plan.with_inner(planned.clone()), &plan.values);
            let all = spread(&mut plan, &needles, text, planned.clone(), 0..0);
            let fast = spread(&mut plan, &needles, text, planned.clone(), planned);
            prop_assert_eq!(fast, all);
        }
    }
}
