//! Features of `serde_json` that another crate of a build may switch on do not change what goes over the wire.

#[cfg(test)]
mod tests {
    use lightbus::codec::{EncodeError, decode, encode};
    use lightbus::message::{Encoding, Payload};
    use lightbus::prelude::*;
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    const BOTH: [Encoding; 2] = [Encoding::MessagePack, Encoding::Json];

    /// Returns what it is given.
    #[lightbus::api(name = "foreign.echo")]
    trait Echo {
        /// Returns the value.
        async fn echo(&self, value: Value) -> Value;
    }

    struct Desk;

    impl Echo for Desk {
        async fn echo(&self, value: Value) -> Value {
            value
        }
    }

    /// The same values without `serde_json`.
    #[derive(Serialize)]
    struct Plain {
        n: i64,
        list: (u64, f64, Option<bool>),
        nested: Nested,
    }

    #[derive(Serialize)]
    struct Nested {
        z: &'static str,
        a: i64,
    }

    const PLAIN: Plain = Plain { n: -5, list: (u64::MAX, 0.5, None), nested: Nested { z: "ü", a: 1 } };

    fn value() -> Value {
        json!({"n": -5, "list": [u64::MAX, 0.5, null], "nested": {"z": "ü", "a": 1}})
    }

    fn bytes<T: Serialize + ?Sized>(encoding: Encoding, value: &T) -> Payload {
        encode(encoding, value).unwrap()
    }

    #[test]
    fn the_features_are_on() {
        assert_eq!(serde_json::from_str::<Value>("1.10").unwrap().to_string(), "1.10");
        assert_eq!(json!({"z": 1, "a": 2}).to_string(), r#"{"z":1,"a":2}"#);
    }

    #[test]
    fn a_value_leaves_as_the_same_bytes_as_a_struct() {
        for encoding in BOTH {
            assert_eq!(bytes(encoding.clone(), &value()), bytes(encoding.clone(), &PLAIN), "{encoding:?}");
        }
    }

    #[test]
    fn a_raw_value_leaves_as_the_value_that_it_holds() {
        let raw = RawValue::from_string(value().to_string()).unwrap();
        for encoding in BOTH {
            assert_eq!(decode::<Value>(&bytes(encoding, &raw)).unwrap(), value());
        }
    }

    #[test]
    fn a_value_is_read_back() {
        for encoding in BOTH {
            let payload = bytes(encoding, &PLAIN);
            assert_eq!(decode::<Value>(&payload).unwrap(), value());
            let read = decode::<Box<RawValue>>(&payload).unwrap();
            assert_eq!(serde_json::from_str::<Value>(read.get()).unwrap(), value());
        }
    }

    #[test]
    fn a_number_that_no_peer_could_read_is_refused() {
        let large: Value = serde_json::from_str(r#"{"n": [1, 18446744073709551616]}"#).unwrap();
        for encoding in BOTH {
            let refused = encode(encoding, &large).unwrap_err();
            assert!(matches!(&refused, EncodeError::IntegerTooLarge { path, .. } if path == "n[1]"), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_call_returns_the_value_that_was_sent() {
        let bus = Bus::service("echo").url("memory://").connect().await.unwrap();
        bus.serve(EchoServer::new(Desk)).await.unwrap();
        assert_eq!(EchoClient::new(&bus).echo(value()).await.unwrap(), value());
        bus.shutdown().await;
    }
}
