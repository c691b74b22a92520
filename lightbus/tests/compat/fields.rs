//! Fields of structs.

crate::pairs! {
    f1 "required field added" [RequiredFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, b: u32 } } [T { a: 1, b: 2 }];
    f2 "`Option` field added" [OptionalFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, b: Option<u32> } } [T { a: 1, b: Some(2) }, T { a: 1, b: None }];
    f3 "field with `#[serde(default)]` added" [OptionalFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, #[serde(default)] b: u32 } } [T { a: 1, b: 2 }];
    f5a "`Value` field added" [RequiredFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, b: serde_json::Value } } [T { a: 1, b: 7.into() }];
    f5b "`()` field added" [RequiredFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, b: () } } [T { a: 1, b: () }];
    f5c "field of a newtype around `Option` added" [RequiredFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, b: Maybe } struct Maybe(Option<u32>); } [T { a: 1, b: Maybe(Some(1)) }, T { a: 1, b: Maybe(None) }];
    f6 "required field removed" [RequiredFieldRemoved]
        { struct T { a: u32, b: String } } [T { a: 1, b: "b".into() }]
        => { struct T { a: u32 } } [T { a: 1 }];
    f7a "`Option` field removed" [OptionalFieldRemoved]
        { struct T { a: u32, b: Option<u32> } } [T { a: 1, b: Some(2) }, T { a: 1, b: None }]
        => { struct T { a: u32 } } [T { a: 1 }];
    f7b "field with a default removed" [OptionalFieldRemoved]
        { struct T { a: u32, #[serde(default)] b: u32 } } [T { a: 1, b: 2 }]
        => { struct T { a: u32 } } [T { a: 1 }];
    f8 "required field renamed" [FieldRenamed]
        { struct T { a: u32, b: String } } [T { a: 1, b: "b".into() }]
        => { struct T { a: u32, c: String } } [T { a: 1, c: "c".into() }];
    f9 "optional field renamed" [FieldRenamed]
        { struct T { a: u32, b: Option<u32> } } [T { a: 1, b: Some(2) }]
        => { struct T { a: u32, c: Option<u32> } } [T { a: 1, c: Some(2) }];
    f10 "`rename_all` added" [FieldsRecased]
        { struct T { max_count: u32, min_count: u32 } } [T { max_count: 1, min_count: 0 }]
        => { #[serde(rename_all = "camelCase")] struct T { max_count: u32, min_count: u32 } } [T { max_count: 1, min_count: 0 }];
    f11 "name written differs from name read" [FieldRenamed, RequiredFieldAdded, UnreadableByItself]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { #[serde(rename(serialize = "w", deserialize = "r"))] a: u32 } } [T { a: 1 }];
    f12 "`T` becomes `Option<T>`" [BecameOptional]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: Option<u32> } } [T { a: Some(1) }, T { a: None }];
    f13 "`T` becomes `Option<T>` that is left out when `None`" [BecameOptional]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { #[serde(skip_serializing_if = "Option::is_none")] a: Option<u32> } } [T { a: Some(1) }, T { a: None }];
    f14 "`Option<T>` becomes `T`" [BecameRequired]
        { struct T { a: Option<u32> } } [T { a: Some(1) }, T { a: None }]
        => { struct T { a: u32 } } [T { a: 1 }];
    f15 "`Option<T>` becomes `T` with `#[serde(default)]`" [DefaultChanged, BecameRequired]
        { struct T { a: Option<u32> } } [T { a: Some(1) }, T { a: None }]
        => { struct T { #[serde(default)] a: u32 } } [T { a: 1 }];
    f16 "`#[serde(default)]` added" [DefaultChanged]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { #[serde(default)] a: u32 } } [T { a: 1 }];
    f17 "`#[serde(default)]` removed" [DefaultChanged]
        { struct T { #[serde(default)] a: u32 } } [T { a: 1 }]
        => { struct T { a: u32 } } [T { a: 1 }];
    f17b "`#[serde(default)]` removed, and some writers leave the field out" [BecameRequired]
        { struct T { #[serde(default, skip_serializing_if = "String::is_empty")] a: String } } [T { a: "a".into() }, T { a: String::new() }]
        => { struct T { a: String } } [T { a: "a".into() }];
    f18a "default changed" [DefaultChanged]
        { struct T { #[serde(default)] a: u32 } } [T { a: 1 }]
        => { struct T { #[serde(default = "five")] a: u32 } } [T { a: 1 }];
    f19 "`skip_serializing_if` added" [BecameOptional, UnreadableByItself]
        { struct T { a: String, b: u32 } } [T { a: "a".into(), b: 1 }]
        => { struct T { #[serde(skip_serializing_if = "String::is_empty")] a: String, b: u32 } } [T { a: "a".into(), b: 1 }, T { a: String::new(), b: 1 }];
    f20 "`skip_serializing` added" [UnreadableByItself, FieldNotWritten]
        { struct T { a: String, b: u32 } } [T { a: "a".into(), b: 1 }]
        => { struct T { #[serde(skip_serializing)] a: String, b: u32 } } [T { a: "a".into(), b: 1 }];
    f20b "`skip_serializing` added to an optional field" [FieldNotWritten]
        { struct T { a: Option<String>, b: u32 } } [T { a: Some("a".into()), b: 1 }]
        => { struct T { #[serde(skip_serializing)] a: Option<String>, b: u32 } } [T { a: Some("a".into()), b: 1 }];
    f20c "`skip` added to a required field" [RequiredFieldRemoved]
        { struct T { a: String, b: u32 } } [T { a: "a".into(), b: 1 }]
        => { struct T { #[serde(skip)] a: String, b: u32 } } [T { a: "a".into(), b: 1 }];
    f21 "`deny_unknown_fields` added, and a field removed" [RequiredFieldRemoved]
        { struct T { a: u32, b: u32 } } [T { a: 1, b: 2 }]
        => { #[serde(deny_unknown_fields)] struct T { a: u32 } } [T { a: 1 }];
    f21b "`deny_unknown_fields` added" []
        { struct T { a: u32, b: u32 } } [T { a: 1, b: 2 }]
        => { #[serde(deny_unknown_fields)] struct T { a: u32, b: u32 } } [T { a: 1, b: 2 }];
    f21c "field added where unknown fields are refused" [OptionalFieldAdded]
        { #[serde(deny_unknown_fields)] struct T { a: u32 } } [T { a: 1 }]
        => { #[serde(deny_unknown_fields)] struct T { a: u32, b: Option<u32> } } [T { a: 1, b: Some(2) }];
    f22 "`deny_unknown_fields` removed" []
        { #[serde(deny_unknown_fields)] struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32 } } [T { a: 1 }];
    f23 "fields moved into a flattened struct" []
        { struct T { a: u32, b: String } } [T { a: 1, b: "b".into() }]
        => { struct T { a: u32, #[serde(flatten)] rest: Rest } struct Rest { b: String } } [T { a: 1, rest: Rest { b: "b".into() } }];
    f24 "flattened struct becomes a field" [RequiredFieldAdded, RequiredFieldRemoved]
        { struct T { a: u32, #[serde(flatten)] rest: Rest } struct Rest { b: String } } [T { a: 1, rest: Rest { b: "b".into() } }]
        => { struct T { a: u32, rest: Rest } struct Rest { b: String } } [T { a: 1, rest: Rest { b: "b".into() } }];
    f25 "flattened map added, which keeps unknown fields" [OptionalFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, #[serde(flatten)] rest: BTreeMap<String, u32> } } [T { a: 1, rest: BTreeMap::new() }, T { a: 1, rest: [("b".into(), 2)].into() }];
    f26 "order of fields changed" []
        { struct T { a: u32, b: u32 } } [T { a: 1, b: 2 }]
        => { struct T { b: u32, a: u32 } } [T { a: 1, b: 2 }];
    f27 "inner type renamed" []
        { struct T { a: One } struct One { b: u32 } } [T { a: One { b: 1 } }]
        => { struct T { a: Two } struct Two { b: u32 } } [T { a: Two { b: 1 } }];
    f28 "struct becomes a tuple struct" [TypeChanged]
        { struct T { a: Inner, b: u32 } struct Inner { x: u32, y: String } } [T { a: Inner { x: 1, y: "y".into() }, b: 1 }]
        => { struct T { a: Inner, b: u32 } struct Inner(u32, u32, u32); } [T { a: Inner(1, 2, 3), b: 1 }];
    f29a "`T` becomes `struct Id(T)`" []
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: Id } struct Id(u32); } [T { a: Id(1) }];
    f29b "`T` becomes `Box<T>`" []
        { struct T { a: Inner } struct Inner { b: u32 } } [T { a: Inner { b: 1 } }]
        => { struct T { a: Box<Inner> } struct Inner { b: u32 } } [T { a: Box::new(Inner { b: 1 }) }];
    f29c "`transparent` wrapper put around a field" []
        { struct T { a: String } } [T { a: "a".into() }]
        => { struct T { a: Id } #[serde(transparent)] struct Id { text: String } } [T { a: Id { text: "a".into() } }];
    f30 "`Option<T>` becomes `Option<Option<T>>`" []
        { struct T { a: Option<u32> } } [T { a: Some(1) }, T { a: None }]
        => { struct T { a: Option<Option<u32>> } } [T { a: Some(Some(1)) }, T { a: Some(None) }, T { a: None }];
    f31 "type becomes recursive" [OptionalFieldAdded]
        { struct T { a: u32 } } [T { a: 1 }]
        => { struct T { a: u32, next: Option<Box<T>> } } [T { a: 1, next: Some(Box::new(T { a: 2, next: None })) }];
    f32 "field of a recursive type becomes optional" [BecameOptional, BecameOptional]
        { struct T { a: u32, next: Option<Box<T>> } } [T { a: 1, next: Some(Box::new(T { a: 2, next: None })) }]
        => { struct T { a: Option<u32>, next: Option<Box<T>> } } [T { a: Some(1), next: Some(Box::new(T { a: None, next: None })) }, T { a: Some(1), next: None }];
    f33 "required field added to an inner struct in a list" [RequiredFieldAdded]
        { struct T { a: Vec<Inner> } struct Inner { b: u32 } } [T { a: vec![] }, T { a: vec![Inner { b: 1 }] }]
        => { struct T { a: Vec<Inner> } struct Inner { b: u32, c: u32 } } [T { a: vec![] }, T { a: vec![Inner { b: 1, c: 1 }] }];
    f34 "container default added" [DefaultChanged]
        { struct T { a: u32 } } [T { a: 1 }]
        => { #[derive(Default)] #[serde(default)] struct T { a: u32 } } [T { a: 1 }];
    f35 "two fields added, one removed" [RequiredFieldRemoved, OptionalFieldAdded, OptionalFieldAdded]
        { struct T { a: u32, b: u32 } } [T { a: 1, b: 2 }]
        => { struct T { a: u32, c: Option<String>, d: Option<bool> } } [T { a: 1, c: Some("c".into()), d: None }];
    f36 "documentation and a title added" []
        { struct T { a: u32 } } [T { a: 1 }]
        => { /** Documented. */ #[schemars(title = "Other")] struct T { /** A field. */ #[schemars(example = 7)] a: u32 } } [T { a: 1 }];
}
