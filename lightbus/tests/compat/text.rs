//! Text, and types that are written as text.

crate::pairs! {
    s1 "`String` becomes `char`" [TextChanged]
        (String) ["a".into(), "ab".into()] => (char) ['a'];
    s2 "`char` becomes `String`" [TextChanged]
        (char) ['a'] => (String) ["a".into(), "ab".into()];
    s3 "`String` becomes an enum of unit variants" [TypeChanged]
        (String) ["A".into(), "other".into()] => { enum T { A, B } } [T::A, T::B];
    s4 "enum of unit variants becomes `String`" [TypeChanged]
        { enum T { A, B } } [T::A, T::B] => (String) ["A".into(), "other".into()];
    s5a "`String` becomes an IP address" [TextChanged]
        (String) ["192.0.2.1".into(), "home".into()] => (std::net::IpAddr) ["192.0.2.1".parse().unwrap(), "::1".parse().unwrap()];
    s5b "`IpAddr` becomes `Ipv4Addr`" [TextChanged]
        (std::net::IpAddr) ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()] => (std::net::Ipv4Addr) ["192.0.2.1".parse().unwrap()];
    s5c "`Ipv4Addr` becomes `Ipv6Addr`" [TextChanged]
        (std::net::Ipv4Addr) ["192.0.2.1".parse().unwrap()] => (std::net::Ipv6Addr) ["::1".parse().unwrap()];
    s5d "`String` becomes `Uuid`" [TextChanged]
        (String) ["67e55044-10b1-426f-9247-bb680e5fe0c8".into(), "none".into()] => (uuid::Uuid) [uuid::Uuid::nil()];
    s5e "`String` becomes `NaiveDate`" [TextChanged]
        (String) ["2027-05-01".into(), "tomorrow".into()] => (chrono::NaiveDate) [chrono::NaiveDate::MIN];
    s5f "`String` becomes `Url`" [TextChanged]
        (String) ["https://example.com/".into(), "home".into()] => (url::Url) ["https://example.com/".parse().unwrap()];
    s6a "`Uuid` becomes `String`" [TextChanged]
        (uuid::Uuid) [uuid::Uuid::nil()] => (String) ["67e55044-10b1-426f-9247-bb680e5fe0c8".into(), "none".into()];
    s6b "IP address becomes `String`" [TextChanged]
        (std::net::IpAddr) ["192.0.2.1".parse().unwrap()] => (String) ["192.0.2.1".into(), "home".into()];
    s7 "`NaiveDate` becomes `DateTime<Utc>`" [TextChanged]
        (chrono::NaiveDate) ["2027-05-01".parse().unwrap()] => (chrono::DateTime<chrono::Utc>) ["2027-05-01T10:30:00Z".parse().unwrap()];
    s8 "`NaiveDateTime` becomes `DateTime<Utc>`" [TextChanged]
        (chrono::NaiveDateTime) ["2027-05-01T10:30:00".parse().unwrap()] => (chrono::DateTime<chrono::Utc>) ["2027-05-01T10:30:00Z".parse().unwrap()];
    s12a "`Duration` becomes a number" [TypeChanged]
        (std::time::Duration) [std::time::Duration::from_secs(1)] => (u64) [1];
    s12b "`Duration` becomes text" [TypeChanged]
        (std::time::Duration) [std::time::Duration::from_secs(1)] => (String) ["1s".into()];
    s13 "`TimeDelta` becomes text" [TypeChanged]
        (chrono::TimeDelta) [chrono::TimeDelta::seconds(1)] => (String) ["1s".into()];
    s14a "`length` changed" [ConstraintChanged]
        { struct T { #[schemars(length(max = 3))] a: String } } [T { a: "a".into() }, T { a: "abcdef".into() }]
        => { struct T { #[schemars(length(max = 2))] a: String } } [T { a: "a".into() }, T { a: "abcdef".into() }];
    s14b "`email` added" [ConstraintChanged]
        { struct T { a: String } } [T { a: "a".into() }]
        => { struct T { #[schemars(email)] a: String } } [T { a: "a".into() }];
    s15 "`String` becomes `Vec<u8>`" [TypeChanged]
        (String) ["abc".into(), String::new()] => (Vec<u8>) [vec![1, 2], vec![]];
    s18 "text becomes a boolean" [TypeChanged]
        (String) ["true".into()] => (bool) [true];
}
