//! Reads the values of one pack file and collects what is wrong with them.

use super::load::FILE_BYTES_MAX;
use super::load_error::{LoadError, Source, choice_hint, nearest, quoted};
use super::schema::{Kind, Table};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The keys and values of one table of the file.
pub(super) struct Fields<'d> {
    pub(super) table: &'static Table,
    pub(super) fields: &'d DeTable<'d>,
    pub(super) span: Range<usize>,
}

impl<'d> Fields<'d> {
    pub(super) fn get(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.fields.get(key)
    }

    /// Number of tables under a key.
    pub(super) fn count(&self, key: &str) -> usize {
        self.get(key).and_then(|value| value.get_ref().as_array()).map_or(0, |array| array.len())
    }
}

/// Reads one file and collects its faults.
pub(super) struct Reader<'s> {
    pub(super) source: &'s Source,
    pub(super) errors: Vec<LoadError>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { source, errors: Vec::new() }
    }

    /// The file as TOML; `None` when it is none.
    pub(super) fn document(&mut self) -> Option<Spanned<DeTable<'s>>> {
        if self.source.text.len() > FILE_BYTES_MAX {
            self.report(0..0, format!("the file is longer than {FILE_BYTES_MAX} bytes"));
            return None;
        }
        let (document, faults) = DeTable::parse_recoverable(&self.source.text);
        for fault in &faults {
            self.report(fault.span().unwrap_or(0..0), fault.message());
        }
        faults.is_empty().then_some(document)
    }

    pub(super) fn report(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.errors.push(LoadError::new(self.source, span, message));
    }

    pub(super) fn report_hint(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        let mut error = LoadError::new(self.source, span, message);
        error.hint = hint;
        self.errors.push(error);
    }

    /// Reports keys that the table does not have, and those that it needs and lacks.
    pub(super) fn check_keys(&mut self, fields: &Fields<'_>) {
        let names = fields.table.key_names();
        for key in fields.fields.keys() {
            let name: &str = key.get_ref();
            if names.contains(&name) {
                continue;
            }
            let hint = match nearest(name, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its keys are {}", quoted(&names)),
            };
            self.report_hint(key.span(), format!("no key `{name}` in {}", fields.table.name), Some(hint));
        }
        let missing: Vec<_> = fields.table.required.iter().copied().filter(|key| fields.get(key).is_none()).collect();
        if !missing.is_empty() {
            self.report(fields.span.clone(), format!("{} needs {}", fields.table.name, quoted(&missing)));
        }
    }

    /// A value that is not of the kind its key takes.
    pub(super) fn refuse_kind(&mut self, fields: &Fields<'_>, key: &str, value: &Spanned<DeValue<'_>>) {
        let takes = fields.table.keys.iter().find(|k| k.name == key).map_or("nothing", |k| k.kind.describe());
        self.report(value.span(), format!("`{key}` is {takes}, not of type {}", value.get_ref().type_str()));
    }

    pub(super) fn text<'d>(&mut self, fields: &Fields<'d>, key: &str) -> Option<Spanned<&'d str>> {
        let value = fields.get(key)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some(Spanned::new(value.span(), text));
        }
        self.refuse_kind(fields, key, value);
        None
    }

    pub(super) fn texts<'d>(&mut self, fields: &Fields<'d>, key: &str) -> Vec<Spanned<&'d str>> {
        let Some(value) = fields.get(key) else { return Vec::new() };
        let one = std::slice::from_ref(value);
        let values = value.get_ref().as_array().map_or(one, |array| array);
        if values.is_empty() {
            self.report(value.span(), format!("`{key}` is an empty list"));
        }
        let mut texts = Vec::new();
        for value in values {
            match value.get_ref().as_str() {
                Some("") => self.report(value.span(), format!("`{key}` holds an empty text")),
                Some(text) => texts.push(Spanned::new(value.span(), text)),
                None => self.refuse_kind(fields, key, value),
            }
        }
        texts
    }

    /// A text of lower-case letters, digits and hyphens that starts with a letter.
    pub(super) fn name(&mut self, fields: &Fields<'_>, key: &str) -> Option<Spanned<String>> {
        let text = self.text(fields, key)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.get_ref().starts_with(|c: char| c.is_ascii_lowercase()) && text.get_ref().chars().all(fits) {
            return Some(Spanned::new(text.span(), (*text.get_ref()).to_owned()));
        }
        self.report(
            text.span(),
            format!("`{key}` is lower-case letters, digits and hyphens, and starts with a letter"),
        );
        None
    }

    pub(super) fn number(&mut self, fields: &Fields<'_>, key: &str) -> Option<u32> {
        let value = fields.get(key)?;
        let number = value.get_ref().as_integer().and_then(|i| u32::from_str_radix(i.as_str(), i.radix()).ok());
        if number.is_none_or(|number| number == 0) {
            self.report(value.span(), format!("`{key}` is a whole number from 1 to {}", u32::MAX));
        }
        number
    }

    pub(super) fn flag(&mut self, fields: &Fields<'_>, key: &str) -> Option<Spanned<bool>> {
        let value = fields.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.refuse_kind(fields, key, value);
        }
        flag.map(|flag| Spanned::new(value.span(), flag))
    }

    /// One of a closed set of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        all: &[T],
        code: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(fields, key)?;
        self.chosen(key, &text, all, code)
    }

    /// Words of a closed set, one or a list of them.
    pub(super) fn choices<T: Copy>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        all: &[T],
        code: fn(T) -> &'static str,
    ) -> Vec<T> {
        let texts = self.texts(fields, key);
        texts.iter().filter_map(|text| self.chosen(key, text, all, code)).collect()
    }

    fn chosen<T: Copy>(
        &mut self,
        key: &str,
        text: &Spanned<&str>,
        all: &[T],
        code: fn(T) -> &'static str,
    ) -> Option<T> {
        let chosen = all.iter().copied().find(|choice| code(*choice) == *text.get_ref());
        if chosen.is_none() {
            let codes: Vec<_> = all.iter().copied().map(code).collect();
            let hint = choice_hint(text.get_ref(), &codes);
            self.report_hint(text.span(), format!("`{key}` cannot be `{}`", text.get_ref()), Some(hint));
        }
        chosen
    }

    /// The tables under a key: `[[key]]`.
    pub(super) fn tables<'d>(&mut self, fields: &Fields<'d>, key: &str) -> Vec<Fields<'d>> {
        let Some(value) = fields.get(key) else { return Vec::new() };
        let kind = fields.table.keys.iter().find(|k| k.name == key).map(|key| &key.kind);
        let Some(Kind::Tables(table)) = kind else { return Vec::new() };
        let Some(values) = value.get_ref().as_array() else {
            self.report_hint(value.span(), format!("`{key}` is a list of tables"), Some(format!("write `[[{key}]]`")));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for value in values {
            match value.get_ref().as_table() {
                Some(fields) => tables.push(Fields { table, fields, span: value.span() }),
                None => self.refuse_kind(fields, key, value),
            }
        }
        tables
    }

    /// The place of a character of a text: exact in a text on one line without escapes, else the whole text.
    pub(super) fn inside(&self, text: &Spanned<&str>, column: usize) -> Range<usize> {
        let span = text.span();
        let verbatim = self.source.text.get(span.start + 1..span.end.saturating_sub(1)) == Some(*text.get_ref());
        if !verbatim {
            return span;
        }
        let at = text.get_ref().char_indices().nth(column - 1).map_or(text.get_ref().len(), |(at, _)| at);
        let start = span.start + 1 + at;
        start..start
    }
}
