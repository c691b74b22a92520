//! Hides the secret fields of a value before a tool shows it.

use serde_json::Value;

use super::{ApiSchema, TypeSchema};

/// Marks a field as secret: `#[schemars(extend("x-lightbus-secret" = true))]`.
const SECRET: &str = "x-lightbus-secret";

/// The text that replaces a secret.
const HIDDEN: &str = "***";

/// How many schemas may lie around a value. Recursive types are as deep as their values, which are limited too.
const DEEPEST: usize = 256;

/// How many schemas are looked at. A schema that a peer made up may refer to itself in many ways; the rest is hidden.
const MOST_STEPS: u32 = 1_000_000;

impl ApiSchema {
    /// Hides the secret arguments of a method: those with `#[schemars(extend("x-lightbus-secret" = true))]`, and such fields
    /// within them. If the API does not have the method, everything is hidden.
    ///
    /// ```
    /// use lightbus::api::Api;
    /// use lightbus::prelude::*;
    ///
    /// #[derive(Serialize, Deserialize, JsonSchema)]
    /// pub struct Card {
    ///     holder: String,
    ///     #[schemars(extend("x-lightbus-secret" = true))]
    ///     number: String,
    /// }
    ///
    /// #[lightbus::api(name = "company.payments")]
    /// pub trait Payments {
    ///     async fn pay(&self, card: Card, cents: u64);
    /// }
    ///
    /// let mut arguments = serde_json::json!({"card": {"holder": "Ada", "number": "4111"}, "cents": 5});
    /// PaymentsApi::schema().redact_arguments("pay", &mut arguments);
    /// assert_eq!(arguments, serde_json::json!({"card": {"holder": "Ada", "number": "***"}, "cents": 5}));
    /// ```
    pub fn redact_arguments(&self, method: &str, value: &mut Value) {
        self.redact(self.methods.get(method).map(|method| &method.arguments), value);
    }

    /// Hides the secrets in what a method returned. If the API does not have the method, everything is hidden.
    pub fn redact_returned(&self, method: &str, value: &mut Value) {
        self.redact(self.methods.get(method).map(|method| &method.returns), value);
    }

    /// Hides the secrets in a method's own error. If the API does not have such an error, everything is hidden.
    pub fn redact_error(&self, method: &str, value: &mut Value) {
        self.redact(self.methods.get(method).and_then(|method| method.error.as_ref()), value);
    }

    /// Hides the secret fields of an event. If the API does not have the event, everything is hidden.
    pub fn redact_event(&self, event: &str, value: &mut Value) {
        self.redact(self.events.get(event).map(|event| &event.fields), value);
    }

    fn redact(&self, schema: Option<&TypeSchema>, value: &mut Value) {
        match schema {
            Some(schema) => {
                for schema in [&schema.read, schema.written()] {
                    self.hide(schema.as_value(), value, 0, &mut { MOST_STEPS });
                }
            }
            None => *value = Value::from(HIDDEN),
        }
    }

    fn hide(&self, schema: &Value, value: &mut Value, depth: usize, left: &mut u32) {
        let Some(schema) = schema.as_object() else { return };
        *left = left.saturating_sub(1);
        if *left == 0 || depth > DEEPEST || schema.get(SECRET) == Some(&Value::Bool(true)) {
            *value = Value::from(HIDDEN);
            return;
        }
        let mut hide = |schema: &Value, value: &mut Value| self.hide(schema, value, depth + 1, left);
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
        if let Some(definition) = reference.and_then(|name| self.definitions.get(name)) {
            hide(definition, value);
        }
        // Whichever variant the value is of, what is secret in any of them is hidden.
        for variants in ["anyOf", "oneOf", "allOf"] {
            for variant in schema.get(variants).and_then(Value::as_array).into_iter().flatten() {
                hide(variant, value);
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    match properties.and_then(|properties| properties.get(name)) {
                        Some(property) => hide(property, field),
                        None => {
                            if let Some(others) = schema.get("additionalProperties") {
                                hide(others, field);
                            }
                        }
                    }
                }
            }
            Value::Array(items) => {
                let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                for (place, item) in items.iter_mut().enumerate() {
                    if let Some(schema) = first.get(place).or_else(|| schema.get("items")) {
                        hide(schema, item);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use crate::api::Api;

    #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
    struct Account {
        name: String,
        #[schemars(extend("x-lightbus-secret" = true))]
        keys: Vec<String>,
        children: Vec<Account>,
        by_name: BTreeMap<String, Login>,
    }

    #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
    enum Login {
        Password {
            #[schemars(extend("x-lightbus-secret" = true))]
            password: Option<String>,
        },
        Guest(u8, String),
    }

    #[lightbus::api(name = "company.accounts")]
    trait Accounts {
        async fn open(&self, account: Option<Account>) -> Login;

        #[event]
        fn opened(account: Account);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let text = r##"{"name": "a.b", "events": {"c": {"fields": {"$ref": "#/$defs/A"}}},
            "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}}}"##;
        let mut value = json!({"d": 1});
        crate::schema::ApiSchema::from_json(text).unwrap().redact_event("c", &mut value);
        assert_eq!(value, json!("***"));
    }

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let schema = AccountsApi::schema();
        let account = |keys: serde_json::Value, password: &str| {
            let inner = json!({"name": "b", "keys": keys, "children": [], "by_name": {}});
            let logins = json!({"x": {"Password": {"password": password}}, "y": {"Guest": [1, "g"]}});
            json!({"account": {"name": "a", "keys": keys, "children": [inner], "by_name": logins}})
        };
        let (shown, hidden) = (account(json!(["k1", "k2"]), "p"), account(json!("***"), "***"));
        let [mut arguments, mut event, mut unknown] = [shown.clone(), shown.clone(), shown];
        schema.redact_arguments("open", &mut arguments);
        schema.redact_event("opened", &mut event);
        schema.redact_event("closed", &mut unknown);
        assert_eq!((arguments, event, unknown), (hidden.clone(), hidden, json!("***")));
        let mut returned = json!({"Password": {"password": "p"}});
        schema.redact_returned("open", &mut returned);
        assert_eq!(returned, json!({"Password": {"password": "***"}}));
    }
}
