//! The keys of the pack format: what the loader accepts, and the JSON Schema that editors complete from.
//!
//! Both come from the same tables, so that they cannot drift. Start at [`json_schema`].

use super::{Class, Format, Parse, Shape, Transform, Unknown};
use serde_json::{Map, Value, json};

/// A kind of table in a pack file.
#[derive(Debug)]
pub(super) struct Table {
    /// What errors call it.
    pub(super) name: &'static str,
    /// The keys it needs.
    pub(super) required: &'static [&'static str],
    /// Its keys.
    pub(super) keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    /// The key.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// For the author of a pack.
    about: &'static str,
}

/// What a key holds.
#[derive(Debug)]
pub(super) enum Kind {
    /// Lower-case letters, digits and hyphens.
    Name,
    /// Any text.
    Text,
    /// One text, or a list of texts.
    Texts,
    /// A whole number from 1.
    Number,
    /// `true` or `false`.
    Flag,
    /// One of a closed set of words.
    Choice(fn() -> Vec<&'static str>),
    /// One of a closed set of words, or a list of them.
    Choices(fn() -> Vec<&'static str>),
    /// The name of a shape, or `{ regex = "…" }`.
    Detector,
    /// Any number of tables.
    Tables(&'static Table),
}

/// The table inside `detect = { regex = "…" }`.
pub(super) static REGEX: Table = Table {
    name: "a detector",
    required: &["regex"],
    keys: &[Key {
        name: "regex",
        kind: Kind::Text,
        about: "A regular expression; its first group, or the whole match where it has none, is the entity.",
    }],
};

/// `[[rule]]`.
pub(super) static RULE: Table = Table {
    name: "a rule",
    required: &["id"],
    keys: &[
        Key { name: "id", kind: Kind::Name, about: "Names the rule in errors, metrics and cases." },
        Key {
            name: "select",
            kind: Kind::Texts,
            about: "Fields by path: `user.id`, `headers.*`, `**.ip`, `@key`, `@headers.NAME`, or a hole of a pattern.",
        },
        Key {
            name: "named",
            kind: Kind::Texts,
            about: "Fields by their last name, at any depth and in `name=value` text; case and punctuation do not count. `*_session_id` is every name with these last words.",
        },
        Key {
            name: "detect",
            kind: Kind::Detector,
            about: "What the rule finds by its shape in text that is scanned.",
        },
        Key {
            name: "class",
            kind: Kind::Choice(class_codes),
            about: "The kind of entity: fixes canonical form, default transform and token prefix.",
        },
        Key {
            name: "transform",
            kind: Kind::Choice(transform_codes),
            about: "What replaces the value. Without it: `generalize` for `user-agent`, `round` for `geo`, else `pseudonymize`.",
        },
        Key {
            name: "network",
            kind: Kind::Flag,
            about: "Appends the token of the /24 or /48 network to the pseudonym of an address.",
        },
        Key {
            name: "parse",
            kind: Kind::Choice(parse_codes),
            about: "`auto`: the value is a log line or JSON of its own; what is inside is found, the rest is kept. `cookies`: it is a list of cookies, each treated by its name or as the rule says.",
        },
    ],
};

/// `[[line]]`.
pub(super) static LINE: Table = Table {
    name: "a line",
    required: &["id"],
    keys: &[
        Key { name: "id", kind: Kind::Name, about: "Names the pattern in errors." },
        Key {
            name: "pattern",
            kind: Kind::Text,
            about: "The shape of a whole line: literal text with holes such as `<client_ip>` or `<agent:quoted>`.",
        },
        Key {
            name: "columns",
            kind: Kind::Texts,
            about: "Instead of `pattern`: the names of the columns of a row of separated values, in order. Rules select them as holes.",
        },
        Key { name: "separator", kind: Kind::Text, about: "What separates the columns; `,` when absent." },
    ],
};

/// `[[message]]`.
pub(super) static MESSAGE: Table = Table {
    name: "a message",
    required: &["id", "pattern"],
    keys: &[
        Key { name: "id", kind: Kind::Name, about: "Names the pattern in errors." },
        Key {
            name: "pattern",
            kind: Kind::Text,
            about: "The shape of a message: tried on holes called `message` and on fields with `parse = \"auto\"`.",
        },
    ],
};

/// The top of `rules/<pack>/pack.toml`.
pub(super) static PACK: Table = Table {
    name: "a pack",
    required: &["name", "version", "format"],
    keys: &[
        Key { name: "name", kind: Kind::Name, about: "The name of the pack, which is also its folder's." },
        Key { name: "version", kind: Kind::Number, about: "Raised whenever the output for some input changes." },
        Key {
            name: "use",
            kind: Kind::Texts,
            about: "Shared files whose rules are merged in: `names` is `rules/names.toml`.",
        },
        Key { name: "format", kind: Kind::Choice(format_codes), about: "How payloads are decoded." },
        Key {
            name: "unknown",
            kind: Kind::Choice(unknown_codes),
            about: "What happens to a text that no rule names; `scan` when absent.",
        },
        Key {
            name: "unknown_key",
            kind: Kind::Choice(unknown_codes),
            about: "What happens to a record key that no rule names; `pseudonymize` when absent.",
        },
        Key {
            name: "recognize",
            kind: Kind::Texts,
            about: "Top-level fields by which `auto` knows a JSON record as one of this pack: it has all of them.",
        },
        Key {
            name: "ambiguous",
            kind: Kind::Texts,
            about: "Words too common to be replaced outside the field a rule names. When absent: `root`, `admin` and their like.",
        },
        Key {
            name: "scan",
            kind: Kind::Choices(shape_codes),
            about: "The shapes that are looked for in text that is searched; all when absent. What has another shape passes on.",
        },
        Key { name: "line", kind: Kind::Tables(&LINE), about: "Shapes of a whole line, tried in order." },
        Key {
            name: "message",
            kind: Kind::Tables(&MESSAGE),
            about: "Shapes of a message inside a line, tried in order.",
        },
        Key { name: "rule", kind: Kind::Tables(&RULE), about: "Which values, as which class, replaced by what." },
    ],
};

/// The top of a shared file, `rules/<name>.toml`.
pub(super) static SHARED: Table = Table {
    name: "a shared file",
    required: &["name", "version"],
    keys: &[
        Key { name: "name", kind: Kind::Name, about: "The name of the shared file, without `.toml`." },
        Key { name: "version", kind: Kind::Number, about: "Raised whenever the output for some input changes." },
        Key {
            name: "message",
            kind: Kind::Tables(&MESSAGE),
            about: "Shapes of a message inside a line, tried in order.",
        },
        Key { name: "rule", kind: Kind::Tables(&RULE), about: "Which values, as which class, replaced by what." },
    ],
};

/// Every table of the format.
#[cfg(test)]
pub(super) static TABLES: [&Table; 6] = [&PACK, &SHARED, &RULE, &LINE, &MESSAGE, &REGEX];

impl Table {
    /// The table's keys, in the order of the documentation.
    pub(super) fn key_names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    fn schema(&self) -> Value {
        let properties = self.keys.iter().map(|key| (key.name.to_owned(), key.schema())).collect::<Map<_, _>>();
        json!({
            "type": "object",
            "properties": properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }
}

impl Key {
    fn schema(&self) -> Value {
        let Value::Object(mut schema) = self.kind.schema() else { return Value::Null };
        schema.insert("description".to_owned(), self.about.into());
        schema.into()
    }
}

impl Kind {
    /// What errors say the key takes.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Name | Self::Text | Self::Choice(_) => "a string",
            Self::Texts | Self::Choices(_) => "a string or a list of strings",
            Self::Number => "a whole number from 1",
            Self::Flag => "`true` or `false`",
            Self::Detector => "a string or `{ regex = \"…\" }`",
            Self::Tables(_) => "tables, each with its header in `[[ ]]`",
        }
    }

    fn schema(&self) -> Value {
        match self {
            Self::Name => json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]*$" }),
            Self::Text => json!({ "type": "string" }),
            Self::Texts => json!({
                "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
            }),
            Self::Number => json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Choice(codes) => json!({ "enum": codes() }),
            Self::Choices(codes) => json!({
                "anyOf": [{ "enum": codes() }, { "type": "array", "items": { "enum": codes() }, "minItems": 1 }]
            }),
            Self::Detector => json!({ "anyOf": [{ "enum": shape_codes() }, REGEX.schema()] }),
            Self::Tables(table) => json!({ "type": "array", "items": table.schema() }),
        }
    }
}

/// JSON Schema (draft 2020-12) of `pack.toml`, for editors.
pub fn json_schema() -> Value {
    let Value::Object(mut schema) = PACK.schema() else { return Value::Null };
    schema.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".to_owned(), "logveil rule pack".into());
    schema.into()
}

pub(super) fn class_codes() -> Vec<&'static str> {
    Class::ALL.into_iter().map(Class::code).collect()
}

pub(super) fn shape_codes() -> Vec<&'static str> {
    Shape::ALL.into_iter().map(Shape::code).collect()
}

fn transform_codes() -> Vec<&'static str> {
    Transform::ALL.into_iter().map(Transform::code).collect()
}

fn format_codes() -> Vec<&'static str> {
    Format::ALL.into_iter().map(Format::code).collect()
}

fn unknown_codes() -> Vec<&'static str> {
    Unknown::ALL.into_iter().map(Unknown::code).collect()
}

fn parse_codes() -> Vec<&'static str> {
    Parse::ALL.into_iter().map(Parse::code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    /// That every key is read by the loader is tested there.
    #[test]
    fn the_schema_has_every_key_with_a_description() {
        let schema = json_schema();
        for key in PACK.key_names() {
            assert!(schema["properties"][key]["description"].is_string(), "{key}");
        }
        let rule = &schema["properties"]["rule"]["items"];
        assert_eq!(rule["properties"].as_object().map(Map::len), Some(RULE.keys.len()));
        assert_eq!(rule["properties"]["class"]["enum"], json!(class_codes()));
        expect![[r#"
            {
              "anyOf": [
                {
                  "enum": [
                    "ip",
                    "net",
                    "mac",
                    "email",
                    "login",
                    "sid",
                    "phone",
                    "account",
                    "card",
                    "iban",
                    "uuid",
                    "jwt",
                    "secret",
                    "password"
                  ]
                },
                {
                  "additionalProperties": false,
                  "properties": {
                    "regex": {
                      "description": "A regular expression; its first group, or the whole match where it has none, is the entity.",
                      "type": "string"
                    }
                  },
                  "required": [
                    "regex"
                  ],
                  "type": "object"
                }
              ],
              "description": "What the rule finds by its shape in text that is scanned."
            }
        "#]].assert_eq(&format!("{:#}\n", rule["properties"]["detect"]));
    }

    #[test]
    fn what_is_required_is_a_key() {
        for table in TABLES {
            assert!(table.required.iter().all(|key| table.key_names().contains(key)), "{}", table.name);
        }
    }
}
