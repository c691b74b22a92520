//! Lists, maps, tuples and values of any type.

crate::pairs! {
    c1 "`Vec` becomes a set" [SetChanged]
        (Vec<u8>) [vec![1, 2], vec![2, 1, 1]] => (BTreeSet<u8>) [[1, 2].into()];
    c2 "set becomes `Vec`" [SetChanged]
        (BTreeSet<u8>) [[1, 2].into()] => (Vec<u8>) [vec![1, 2], vec![2, 1, 1]];
    c3 "`Vec<T>` becomes `[T; 3]`" [LengthChanged]
        (Vec<u8>) [vec![], vec![1, 2, 3]] => ([u8; 3]) [[1, 2, 3]];
    c4 "`[T; 3]` becomes `Vec<T>`" [LengthChanged]
        ([u8; 3]) [[1, 2, 3]] => (Vec<u8>) [vec![], vec![1, 2, 3]];
    c5a "array becomes longer" [LengthChanged]
        ([u8; 3]) [[1, 2, 3]] => ([u8; 4]) [[1, 2, 3, 4]];
    c5b "tuple becomes shorter" [LengthChanged]
        ((u8, String, bool)) [(1, "a".into(), true)] => ((u8, String)) [(1, "a".into())];
    c6 "`T` becomes `Vec<T>`" [TypeChanged]
        (u32) [1] => (Vec<u32>) [vec![], vec![1]];
    c8 "map becomes a struct" [BecameRequired, FieldNotRead]
        (BTreeMap<String, u32>) [BTreeMap::new(), [("a".into(), 1)].into(), [("a".into(), 1), ("b".into(), 2)].into()]
        => { struct T { a: u32 } } [T { a: 1 }];
    c9 "struct becomes a map" [BecameOptional, TypeChanged, OptionalFieldAdded]
        { struct T { a: u32, b: Option<String> } } [T { a: 1, b: None }, T { a: 1, b: Some("b".into()) }]
        => (BTreeMap<String, u32>) [BTreeMap::new(), [("a".into(), 1)].into()];
    c11 "keys of a map become UUIDs" []
        (BTreeMap<String, u32>) [[("67e55044-10b1-426f-9247-bb680e5fe0c8".into(), 1)].into()]
        => (BTreeMap<uuid::Uuid, u32>) [[(uuid::Uuid::nil(), 1)].into()];
    c12a "type of elements changed" [TypeChanged]
        (Vec<u32>) [vec![], vec![1]] => (Vec<String>) [vec![], vec!["1".into()]];
    c12b "type of a map's values changed" [TypeChanged]
        (BTreeMap<String, u32>) [BTreeMap::new(), [("a".into(), 1)].into()]
        => (BTreeMap<String, String>) [BTreeMap::new(), [("a".into(), "1".into())].into()];
    c13 "`Value` becomes a type" [TypeChanged]
        (serde_json::Value) [7.into(), "text".into()] => (u32) [7];
    c14 "type becomes `Value`" [TypeChanged]
        (u32) [7] => (serde_json::Value) [7.into(), "text".into()];
    c17 "elements of a list become optional" [BecameOptional]
        (Vec<u32>) [vec![], vec![1]] => (Vec<Option<u32>>) [vec![], vec![None]];
    c18 "element of a tuple changed" [TypeChanged]
        ((u8, String)) [(1, "a".into())] => ((u8, bool)) [(1, true)];
    c19 "struct becomes a list" [TypeChanged]
        { struct T { a: u32 } } [T { a: 1 }] => (Vec<String>) [vec![], vec!["a".into()]];
    c20 "set of structs: a field of them becomes optional" [BecameOptional]
        { struct T { a: BTreeSet<Inner> } #[derive(Eq, PartialOrd, Ord)] struct Inner { b: u32 } } [T { a: [Inner { b: 1 }].into() }, T { a: BTreeSet::new() }]
        => { struct T { a: BTreeSet<Inner> } #[derive(Eq, PartialOrd, Ord)] struct Inner { b: Option<u32> } } [T { a: [Inner { b: None }].into() }, T { a: BTreeSet::new() }];
    c21 "`()` becomes a struct" [TypeChanged]
        (()) [()] => { struct T { a: Option<u32> } } [T { a: None }];
}
