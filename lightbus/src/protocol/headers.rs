//! Headers that applications give to their messages.

use std::borrow::Cow;
use std::fmt;

use smol_str::SmolStr;

/// The longest name of a header, in bytes.
const MAX_NAME: usize = 63;

/// The most headers of one message.
const MAX_COUNT: usize = 32;

/// How long the headers of one message may be, names and values together. With everything else that a message has, they fit
/// into RabbitMQ's smallest frame.
const MAX_SIZE: usize = 4096;

/// Names that RabbitMQ and its plugins use.
const RESERVED: [&str; 8] = [
    "x-acquired-count",
    "x-death",
    "x-delay",
    "x-delivery-count",
    "x-exchange",
    "x-match",
    "x-received-from",
    "x-routing-key",
];
const RESERVED_PREFIXES: [&str; 7] =
    ["x-basic-", "x-first-death-", "x-last-death-", "x-lightbus-", "x-opt-", "x-shovelled", "x-stream-"];

/// The headers that applications give to a message: text under names that begin with `x-`.
///
/// A name has at most 63 bytes: `x-`, and then lower-case letters, digits and `-`. A value is text without control characters.
/// A message has at most 32 headers, which are at most 4096 bytes long together.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    entries: Vec<(SmolStr, SmolStr)>,
}

impl Headers {
    /// Returns the value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Sets a header, in place of the one that has this name.
    ///
    /// # Errors
    ///
    /// Fails if the name or the value breaks a rule, or the message would have too many headers.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        self.try_insert(name, value).map_err(|problem| HeaderError { name: name.to_owned(), problem })
    }

    /// Removes a header, and returns whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let count = self.entries.len();
        self.entries.retain(|(known, _)| known != name);
        self.entries.len() < count
    }

    /// Returns the names and the values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether the message has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds the headers of another message that have these names, unless this one has its own.
    pub(crate) fn pass_on(&mut self, names: &[SmolStr], from: &Self) -> Result<(), HeaderError> {
        for (name, value) in names.iter().filter_map(|name| Some((name, from.get(name)?))) {
            if self.get(name).is_none() {
                self.insert(name, value)?;
            }
        }
        Ok(())
    }

    fn try_insert(&mut self, name: &str, value: &str) -> Result<(), HeaderProblem> {
        check_name(name)?;
        if value.chars().any(char::is_control) {
            return Err(HeaderProblem::Control);
        }
        let known = self.entries.iter_mut().find(|(known, _)| known == name);
        let before = known.as_ref().map_or(0, |(name, value)| name.len() + value.len());
        let is_new = known.is_none();
        if is_new && self.entries.len() >= MAX_COUNT {
            return Err(HeaderProblem::TooMany);
        }
        let size: usize = self.iter().map(|(name, value)| name.len() + value.len()).sum();
        let size = size - before + name.len() + value.len();
        if size > MAX_SIZE {
            return Err(HeaderProblem::TooLong { size });
        }
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.into(),
            None => self.entries.push((name.into(), value.into())),
        }
        Ok(())
    }
}

impl fmt::Debug for Headers {
    /// Values may be secret, such as a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// The headers that a builder was told, or the first that cannot be used. `None` without any, which is the usual case.
#[derive(Debug, Default)]
pub(crate) struct ChosenHeaders(Option<Box<Result<Headers, HeaderError>>>);

impl ChosenHeaders {
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let chosen = self.0.get_or_insert_with(|| Box::new(Ok(Headers::default())));
        if let Ok(headers) = &mut **chosen
            && let Err(error) = headers.insert(name, value)
        {
            **chosen = Err(error);
        }
    }

    /// Adds what the message that is being handled passes on.
    pub(crate) fn finish(self, names: &[SmolStr], handled: Option<&Headers>) -> Result<Headers, HeaderError> {
        let mut headers = self.0.map_or(Ok(Headers::default()), |chosen| *chosen)?;
        match handled {
            Some(handled) if !handled.is_empty() => headers.pass_on(names, handled)?,
            _ => {}
        }
        Ok(headers)
    }
}

/// Checks a name that an application gives to a header.
pub(crate) fn check(name: &str) -> Result<(), HeaderError> {
    check_name(name).map_err(|problem| HeaderError { name: name.to_owned(), problem })
}

fn check_name(name: &str) -> Result<(), HeaderProblem> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    match name.strip_prefix("x-") {
        None | Some("") => Err(HeaderProblem::Name),
        Some(rest) if name.len() > MAX_NAME || !rest.bytes().all(allowed) => Err(HeaderProblem::Name),
        Some(_) if RESERVED.contains(&name) => Err(HeaderProblem::Reserved),
        Some(_) if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => Err(HeaderProblem::Reserved),
        Some(_) => Ok(()),
    }
}

/// A header that a message cannot have.
///
/// `{error}` says what is wrong with it, and [`help`](Self::help) what to write instead. The value is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderError {
    name: String,
    problem: HeaderProblem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HeaderProblem {
    Name,
    Reserved,
    Control,
    TooMany,
    TooLong { size: usize },
}

impl HeaderError {
    /// The name of the header.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Cow<'static, str> {
        match self.problem {
            HeaderProblem::Name => {
                "use `x-` and lower-case letters, digits and '-', such as \"x-tenant\", at most 63 bytes".into()
            }
            HeaderProblem::Reserved => "use another name, such as one with the name of your company in it".into(),
            HeaderProblem::Control => "encode the value, for example in base64".into(),
            HeaderProblem::TooMany | HeaderProblem::TooLong { .. } => {
                "headers are for what layers and handlers look at; send the rest as an argument or a field".into()
            }
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.problem {
            HeaderProblem::Name => write!(f, "{name:?} cannot be used as the name of a header"),
            HeaderProblem::Reserved => write!(f, "the header {name:?} is reserved for RabbitMQ and Lightbus"),
            HeaderProblem::Control => write!(f, "the value of the header {name:?} has a control character in it"),
            HeaderProblem::TooMany => write!(f, "the header {name:?} is one too many, and the limit is {MAX_COUNT}"),
            HeaderProblem::TooLong { size } => {
                write!(f, "with the header {name:?} the headers have {size} bytes, and the limit is {MAX_SIZE}")
            }
        }
    }
}

impl std::error::Error for HeaderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_replaces_the_one_of_its_name() {
        let mut headers = Headers::default();
        headers.insert("x-tenant", "north").unwrap();
        headers.insert("x-request", "7").unwrap();
        headers.insert("x-tenant", "south").unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-tenant", "south"), ("x-request", "7")]);
        assert!(headers.remove("x-tenant") && !headers.remove("x-tenant"));
        assert_eq!((headers.get("x-tenant"), headers.get("x-request")), (None, Some("7")));
    }

    #[test]
    fn each_rule_is_told_apart_and_no_value_is_shown() {
        let problem = |name: &str, value: &str| Headers::default().insert(name, value).unwrap_err().problem;
        let long = format!("x-{}", "a".repeat(62));
        for name in ["", "x-", "tenant", "X-Tenant", "x-tenant_id", "x-größe", "x-a b", &long] {
            assert_eq!(problem(name, "v"), HeaderProblem::Name, "{name}");
        }
        for name in ["x-death", "x-first-death-reason", "x-delivery-count", "x-opt-rabbitmq", "x-lightbus-new"] {
            assert_eq!(problem(name, "v"), HeaderProblem::Reserved, "{name}");
        }
        assert_eq!(problem("x-tenant", "north\r\nx-admin: yes"), HeaderProblem::Control);
        assert_eq!(problem("x-tenant", &"a".repeat(4096)), HeaderProblem::TooLong { size: 4104 });
        let error = Headers::default().insert("x-token", "secret\n").unwrap_err();
        assert!(!format!("{error} {error:?} {}", error.help()).contains("secret"));
    }

    #[test]
    fn headers_are_bounded_together() {
        let mut headers = Headers::default();
        for number in 0..MAX_COUNT {
            headers.insert(&format!("x-{number}"), "v").unwrap();
        }
        assert_eq!(headers.insert("x-more", "v").unwrap_err().problem, HeaderProblem::TooMany);
        headers.insert("x-0", "another").unwrap();
        let mut headers = Headers::default();
        headers.insert("x-a", &"a".repeat(4000)).unwrap();
        assert_eq!(headers.insert("x-b", &"b".repeat(100)).unwrap_err().problem, HeaderProblem::TooLong { size: 4106 });
        // What it replaces does not count.
        headers.insert("x-a", &"a".repeat(4093)).unwrap();
    }

    #[test]
    fn chosen_headers_are_passed_on_unless_the_message_has_its_own() {
        let (mut from, mut to) = (Headers::default(), Headers::default());
        for (name, value) in [("x-tenant", "north"), ("x-request", "7"), ("x-token", "secret")] {
            from.insert(name, value).unwrap();
        }
        to.insert("x-request", "8").unwrap();
        to.pass_on(&["x-tenant".into(), "x-request".into(), "x-missing".into()], &from).unwrap();
        assert_eq!(to.iter().collect::<Vec<_>>(), [("x-request", "8"), ("x-tenant", "north")]);
    }
}
