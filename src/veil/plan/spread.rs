//! Spreads a record's values: to wherever else they stand in it.

use super::{Layer, Plan, looks_like_json, quoted_literal};
use crate::decode::escape::Undo;
use crate::decode::json::{JsonError, Token, Tokens};
use crate::rules::Format;
use crate::transform::{Finding, Quoting, Source};
use crate::veil::Reason;
use crate::veil::residue::Needles;
use std::ops::Range;

impl Plan {
    /// Adds findings for the values of `needles` wherever else they stand in a part, but for its `own` words.
    pub(in crate::veil) fn spread(
        &mut self,
        needles: &Needles,
        own: &[Range<u32>],
        text: &[u8],
        format: Format,
    ) -> Result<(), Reason> {
        let start = self.findings.len();
        match format {
            Format::Json if self.spread_json(needles, text, Layer::default()).is_ok() => {}
            Format::Json | Format::Line => self.spread_text(needles, text, Layer::default()),
        }
        self.leave_own(start, own);
        if self.overflow { Err(Reason::TooMany) } else { Ok(()) }
    }

    pub(super) fn spread_json(&mut self, needles: &Needles, text: &[u8], layer: Layer) -> Result<(), JsonError> {
        self.walk_json(text, |plan, tokens| plan.spread_tokens(needles, text, tokens, layer))
    }

    fn spread_tokens(
        &mut self,
        needles: &Needles,
        text: &[u8],
        mut tokens: Tokens<'_>,
        layer: Layer,
    ) -> Result<(), JsonError> {
        let mut candidates = needles.candidates(text);
        while let Some(token) = tokens.next_token()? {
            match token {
                Token::Name(quoted) | Token::Text(quoted) if candidates.may_stand_in(text, &quoted.inner) => {
                    self.quoted(text, &quoted, |plan, inner| plan.spread_text(needles, inner, layer.in_string()));
                }
                Token::Number(span) | Token::Bool(span) if candidates.may_stand_in(text, &span) => {
                    // Also where it ends a number: `-12345678` and `0.12345678` hold `12345678`.
                    if let Some(source) = needles.first_in(&text[span.clone()]) {
                        let quoting = quoted_literal(source.replacement, &text[span.clone()], layer);
                        self.push_spread(source, text, span, quoting);
                    }
                }
                Token::Name(_) | Token::Text(_) | Token::Number(_) | Token::Bool(_) => {}
                Token::ObjectStart | Token::ObjectEnd | Token::ArrayStart | Token::ArrayEnd | Token::Null => {}
            }
        }
        Ok(())
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
