//! The address of one host of the broker, and the user who connects, from a URL.

use std::fmt;

use url::{Host, Url};

use crate::config::BusUrl;
use crate::error::Error;

/// The longest name of a virtual host that AMQP can carry, in bytes.
const MAX_VHOST: usize = 255;

/// The address of one host of the broker, and the user who connects. It is always shown without the password.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) vhost: String,
    pub(crate) user: String,
    pub(crate) password: String,
    shown: String,
}

impl Address {
    /// Reads `amqp://user:password@host:port/vhost`, every part of which may be percent-encoded.
    pub(crate) fn from_url(url: &Url) -> Result<Self, Error> {
        let shown = BusUrl::amqp(url.clone()).to_string();
        let part = |what, text: &str| {
            percent_decoded(text).ok_or_else(|| refusal(format!("its {what} is not percent-encoded UTF-8")))
        };
        let tls = url.scheme() == "amqps";
        let host = match url.host() {
            Some(Host::Domain(name)) => part("host", name)?,
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(refusal("it names no host".to_owned())),
        };
        let (user, password) = match (url.username(), url.password()) {
            // RabbitMQ's own default user.
            ("", None) => ("guest".to_owned(), "guest".to_owned()),
            (user, password) => (part("user", user)?, part("password", password.unwrap_or_default())?),
        };
        // `amqp://host` and `amqp://host/` both mean RabbitMQ's default virtual host, which is called "/".
        let vhost = match url.path() {
            "" | "/" => "/".to_owned(),
            path => part("virtual host", path.strip_prefix('/').unwrap_or(path))?,
        };
        if vhost.len() > MAX_VHOST {
            return Err(refusal(format!("its virtual host is longer than {MAX_VHOST} bytes")));
        }
        let port = url.port().unwrap_or(if tls { 5671 } else { 5672 });
        Ok(Self { tls, host, port, vhost, user, password, shown })
    }

    /// Returns the host and the port.
    pub(crate) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

fn refusal(reason: String) -> Error {
    let advice = "write amqp://user:password@host:5672/vhost, and special characters as %XX";
    Error::invalid_setting("url", reason, advice)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            decoded.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            decoded.push(byte);
            rest = after;
        }
    }
    String::from_utf8(decoded).ok()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Address {
        Address::from_url(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_a_fresh_rabbitmq() {
        for url in ["amqp://broker", "amqp://broker/", "amqp://broker/%2F", "amqp://broker/%2f"] {
            let address = address(url);
            assert_eq!((&*address.host, address.port, &*address.vhost), ("broker", 5672, "/"), "{url}");
            assert_eq!((&*address.user, &*address.password), ("guest", "guest"), "{url}");
        }
        assert_eq!(address("amqps://broker").port, 5671);
        assert!(address("amqps://broker").tls);
    }

    #[test]
    fn every_part_may_be_percent_encoded() {
        let address = address("amqp://sh%40p:p%2Fss%25w%C3%B6rd@broker:1234/pr%20od");
        assert_eq!((&*address.user, &*address.password, &*address.vhost), ("sh@p", "p/ss%wörd", "pr od"));
    }

    #[test]
    fn a_user_may_have_no_password() {
        let address = address("amqp://shop@broker");
        assert_eq!((&*address.user, &*address.password), ("shop", ""));
    }

    #[test]
    fn ip_addresses_are_hosts() {
        assert_eq!(address("amqp://127.0.0.1:5673").host, "127.0.0.1");
        assert_eq!(address("amqp://[::1]:5673").host, "::1");
        assert_eq!(address("amqp://[::1]:5673").authority(), "[::1]:5673");
        assert_eq!(address("amqp://broker").authority(), "broker:5672");
    }

    #[test]
    fn the_password_is_never_shown() {
        let address = address("amqp://shop:s3cret@broker/prod");
        let shown = format!("{address} {address:?}");
        assert!(!shown.contains("s3cret") && shown.contains("shop:***@broker"), "{shown}");
        let broken = Address::from_url(&Url::parse("amqp://shop:s3cret%ff@broker").unwrap()).unwrap_err();
        assert!(!format!("{broken} {broken:?}").contains("s3cret"));
    }

    #[test]
    fn a_virtual_host_that_amqp_cannot_carry_is_refused() {
        for url in [
            "amqp://broker/%zz".to_owned(),
            "amqp://broker/%+1".to_owned(),
            format!("amqp://broker/{}", "v".repeat(256)),
        ] {
            assert!(Address::from_url(&Url::parse(&url).unwrap()).is_err(), "{url}");
        }
    }
}
