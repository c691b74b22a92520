//! Where the bus is.

use std::fmt::{self, Write as _};

use url::Url;

use super::settings::KEYS;
use crate::error::Error;

const EXPECTED: &str = "write amqp://user:password@host:5672/vhost, with commas between the hosts of a cluster \
                        (host1:5672,host2:5672), amqps://… for TLS, memory:// or memory://name";

/// Where the bus is, parsed and checked. However it is shown, it is shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct BusUrl {
    location: Location,
}

/// The transport that a URL asks for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A bus in this process: new for every connection, or shared by its name.
    Memory { name: Option<String> },
    /// RabbitMQ: a URL for each host of its cluster. They differ in the host and the port only.
    Amqp { first: Url, others: Vec<Url> },
}

impl BusUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let location = match HostList::of(text) {
            Some(list) => list.location()?,
            None if !text.contains("://") => return Err(refuse("it has no scheme, such as amqp://")),
            None => location(text)?,
        };
        Ok(Self { location })
    }

    /// RabbitMQ, at a URL that has been checked.
    pub(crate) fn amqp(url: Url) -> Self {
        Self { location: Location::Amqp { first: url, others: Vec::new() } }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }
}

/// The text may hold a password, so an error never repeats any of it.
fn refuse(reason: impl fmt::Display) -> Error {
    Error::invalid_setting("url", reason.to_string(), EXPECTED)
}

fn location(text: &str) -> Result<Location, Error> {
    let url = Url::parse(text).map_err(|error| refuse(format_args!("it is not a URL ({error})")))?;
    refuse_parameters(&url)?;
    match url.scheme() {
        "memory" => Ok(Location::Memory { name: url.host_str().filter(|name| !name.is_empty()).map(str::to_owned) }),
        "amqp" | "amqps" if url.host_str().is_none_or(str::is_empty) => Err(refuse("it names no host")),
        "amqp" | "amqps" => amqp(url, Vec::new()),
        scheme => Err(refuse(format_args!("there is no transport for {scheme}://"))),
    }
}

/// Refuses a query and a fragment, which would have no effect. Names the setting for each parameter that has one; any other
/// one may be part of a password and is not repeated.
fn refuse_parameters(url: &Url) -> Result<(), Error> {
    if url.query().is_none() && url.fragment().is_none() {
        return Ok(());
    }
    let mut reason = "it has a query or a fragment (from ? or # on), which Lightbus does not read".to_owned();
    for (name, _) in url.query_pairs() {
        if let Some(remedy) = remedy(&name) {
            let _ = write!(reason, ". {remedy}");
        }
    }
    Err(refuse(format_args!(
        "{reason}. Every setting has a name of its own (docs/configuration.md). Within a password, ? is written as %3F and # as %23"
    )))
}

/// What to use instead of a parameter that other AMQP clients read from the URL.
fn remedy(parameter: &str) -> Option<String> {
    match parameter {
        "heartbeat" => Some("The heartbeat cannot be set: Lightbus notices a silent broker by itself".to_owned()),
        "connection_timeout" => Some("Set `connect_timeout` instead of `connection_timeout`".to_owned()),
        "cacertfile" => Some("Set `tls_ca_file` instead of `cacertfile`".to_owned()),
        "channel_max" | "frame_max" => Some(format!("`{parameter}` cannot be set: the broker decides")),
        setting if KEYS.contains(&setting) => {
            Some(format!("Set `{setting}` in lightbus.toml, or as LIGHTBUS_{}", setting.to_uppercase()))
        }
        _ => None,
    }
}

fn amqp(first: Url, others: Vec<Url>) -> Result<Location, Error> {
    if first.scheme() == "amqps" && !cfg!(feature = "tls") {
        let reason = "amqps:// needs TLS, and Lightbus was built without it";
        return Err(Error::invalid_setting("url", reason, "turn on Lightbus's cargo feature `tls`"));
    }
    Ok(Location::Amqp { first, others })
}

/// A URL with several hosts. The standard knows none such, so each host is parsed in a URL of its own.
struct HostList<'a> {
    /// The scheme, the user and the password.
    before: &'a str,
    hosts: Vec<&'a str>,
    /// The path, and what comes after it.
    after: &'a str,
}

impl<'a> HostList<'a> {
    /// `None` when there are no commas where the hosts are.
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let authority = text.find("://")? + "://".len();
        if !["amqp://", "amqps://"].iter().any(|scheme| scheme.eq_ignore_ascii_case(&text[..authority])) {
            return None;
        }
        let end = text[authority..].find(['/', '?', '#']).map_or(text.len(), |length| authority + length);
        let hosts = text[authority..end].rfind('@').map_or(authority, |at| authority + at + 1);
        let list = Self { before: &text[..hosts], hosts: text[hosts..end].split(',').collect(), after: &text[end..] };
        (list.hosts.len() > 1 || list.repeats_the_user()).then_some(list)
    }

    /// Whether there seems to be a user before another host than the first.
    fn repeats_the_user(&self) -> bool {
        self.before.trim_end_matches('@').split_once('@').is_some_and(|(_, rest)| rest.contains(','))
    }

    fn location(&self) -> Result<Location, Error> {
        if self.repeats_the_user() {
            let reason = "the user and the password are written once, before the first host, and hold for all of them. \
                          Within a password, @ is written as %40 and a comma as %2C";
            return Err(refuse(reason));
        }
        if self.after.contains('@') {
            let reason = "there is an @ after its hosts. Within a password, / is written as %2F, ? as %3F and # as %23; \
                          within the name of a virtual host, @ is written as %40";
            return Err(refuse(reason));
        }
        let mut urls = Vec::with_capacity(self.hosts.len());
        for (number, host) in (1..).zip(&self.hosts) {
            let url = self.url_of(host).map_err(|reason| refuse(format_args!("its host number {number} {reason}")))?;
            if let Some(twin) = urls.iter().position(|other| *other == url) {
                return Err(refuse(format_args!("its host number {number} is host number {} once more", twin + 1)));
            }
            urls.push(url);
        }
        let first = urls.remove(0);
        refuse_parameters(&first)?;
        amqp(first, urls)
    }

    fn url_of(&self, host: &str) -> Result<Url, String> {
        if host.trim().is_empty() {
            return Err("is missing: there is a comma too many".to_owned());
        }
        if host.contains(char::is_whitespace) {
            return Err("has a space in it: there are only commas between hosts".to_owned());
        }
        let Self { before, after, .. } = self;
        let url = Url::parse(&format!("{before}{host}{after}")).map_err(|error| format!("cannot be read ({error})"))?;
        if url.host_str().is_none_or(str::is_empty) { Err("has no name".to_owned()) } else { Ok(url) }
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Location::Memory { name } => write!(f, "memory://{}", name.as_deref().unwrap_or_default()),
            Location::Amqp { first, others } => {
                write!(f, "{}://{}", first.scheme(), first.username())?;
                if first.password().is_some() {
                    f.write_str(":***")?;
                }
                if first.password().is_some() || !first.username().is_empty() {
                    f.write_str("@")?;
                }
                write_host(f, first)?;
                for other in others {
                    f.write_str(",")?;
                    write_host(f, other)?;
                }
                f.write_str(first.path())
            }
        }
    }
}

fn write_host(f: &mut fmt::Formatter<'_>, url: &Url) -> fmt::Result {
    f.write_str(url.host_str().unwrap_or_default())?;
    url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
}

impl fmt::Debug for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        BusUrl::parse(text).unwrap().to_string()
    }

    fn refusal(text: &str) -> String {
        BusUrl::parse(text).map_err(|error| format!("{error} {error:?}")).unwrap_err()
    }

    fn hosts(text: &str) -> Vec<(String, Option<u16>, String)> {
        let url = BusUrl::parse(text).unwrap();
        let Location::Amqp { first, others } = url.location else { panic!("{url}") };
        let part = |url: Url| (url.host_str().unwrap().to_owned(), url.port(), url.path().to_owned());
        std::iter::once(first).chain(others).map(part).collect()
    }

    #[test]
    fn passwords_are_never_shown() {
        let url = BusUrl::parse("amqp://shop:s3cret@broker:5672/prod").map(|url| format!("{url} {url:?}"));
        assert_eq!(url.ok().as_deref(), Some("amqp://shop:***@broker:5672/prod amqp://shop:***@broker:5672/prod"));
        assert_eq!(shown("amqp://shop:s3cret@one,two:5673/prod"), "amqp://shop:***@one,two:5673/prod");
        for bad in [
            "amqp//shop:s3cret@broker",
            "http://shop:s3cret@broker",
            "amqp://shop:s3cret@",
            "amqp://shop:s3cret@one,",
            "amqp://shop:s3cret@one,two:port",
            "amqp://shop:s3cret@one,shop:s3cret@two",
            "amqp://shop:,s3cret/@one",
            "amqp://shop:s3cret@one,one",
            "amqp://shop:s3cret@broker/prod?s3cret=s3cret",
            "amqp://shop:s3cret@broker#s3cret",
            "amqp://shop:5672?s3cret@broker",
        ] {
            let text = refusal(bad);
            assert!(!text.contains("s3cret") && text.contains("amqp://user:password@host"), "{bad}: {text}");
        }
    }

    #[test]
    fn a_query_or_a_fragment_is_refused_and_the_setting_is_named() {
        for (text, remedy) in [
            ("amqp://broker?heartbeat=60", "The heartbeat cannot be set"),
            ("amqp://broker/prod?connection_timeout=5000", "`connect_timeout`"),
            ("amqp://one,two/prod?cacertfile=ca.pem", "`tls_ca_file`"),
            ("amqp://broker?frame_max=8192", "`frame_max` cannot be set"),
            ("amqp://broker?call_timeout=2s&namespace=alice", "LIGHTBUS_NAMESPACE"),
            ("amqp://broker?anything", "docs/configuration.md"),
            ("amqp://broker/prod#fragment", "%23"),
            ("memory://company?namespace=alice", "LIGHTBUS_NAMESPACE"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains("query or a fragment") && refusal.contains(remedy), "{text}: {refusal}");
        }
    }

    #[test]
    fn what_is_shown_is_what_was_written() {
        for text in ["amqp://broker", "amqp://shop@broker/", "amqp://[::1]:5673,[::2],three/%2F", "memory://company"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn a_url_may_name_several_hosts() {
        let host = |name: &str, port, path: &str| (name.to_owned(), port, path.to_owned());
        assert_eq!(
            hosts("amqp://shop:s3cret@one,two:5673,[::1]:5674,[::2]/prod"),
            [
                host("one", None, "/prod"),
                host("two", Some(5673), "/prod"),
                host("[::1]", Some(5674), "/prod"),
                host("[::2]", None, "/prod")
            ]
        );
        assert_eq!(hosts("AMQP://one,two"), [host("one", None, ""), host("two", None, "")]);
        assert_eq!(hosts("amqp://shop:com,ma@one"), [host("one", None, "")], "a comma may be in a password");
        assert_eq!(hosts("amqp://shop:s@cret@one,two").len(), 2, "and so may an @");
        assert_eq!(hosts("amqp://one/pr,od"), [host("one", None, "/pr,od")]);
    }

    #[test]
    fn a_mistake_in_a_list_of_hosts_is_named_by_its_place() {
        for (text, reason) in [
            ("amqp://one,", "host number 2 is missing"),
            ("amqp://,two", "host number 1 is missing"),
            ("amqp://one,,three", "host number 2 is missing"),
            ("amqp://one, two", "host number 2 has a space"),
            ("amqp://one,two:http", "host number 2 cannot be read (invalid port number)"),
            ("amqp://one,:5672", "host number 2 "),
            ("amqp://one,[::1", "host number 2 cannot be read"),
            ("amqp://one,two,one", "host number 3 is host number 1 once more"),
            ("amqp://a:b@one,a:b@two", "written once"),
            ("amqp://a:b,c/d@one", "there is an @ after its hosts"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(reason), "{text}: {refusal}");
        }
    }

    #[test]
    fn memory_buses_are_shared_by_name() {
        let location = |text| BusUrl::parse(text).map(|url| url.location);
        assert!(matches!(location("memory://"), Ok(Location::Memory { name: None })));
        assert!(matches!(location("memory://company"), Ok(Location::Memory { name: Some(name) }) if name == "company"));
    }
}
