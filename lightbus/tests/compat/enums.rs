//! Enums.

crate::pairs! {
    e1 "unit variant added" [VariantAdded]
        { enum T { A, B } } [T::A, T::B] => { enum T { A, B, C } } [T::A, T::B, T::C];
    e2 "variant removed" [VariantRemoved]
        { enum T { A, B, C } } [T::A, T::B, T::C] => { enum T { A, B } } [T::A, T::B];
    e3a "variant renamed" [VariantRenamed]
        { enum T { A, B } } [T::A, T::B] => { enum T { A, C } } [T::A, T::C];
    e3b "`rename_all` added to an enum" [VariantsRecased]
        { enum T { One, Two } } [T::One, T::Two] => { #[serde(rename_all = "lowercase")] enum T { One, Two } } [T::One, T::Two];
    e4 "variant with data added" [VariantAdded]
        { enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }]
        => { enum T { A, B { x: u32 }, C { y: String } } } [T::A, T::B { x: 1 }, T::C { y: "y".into() }];
    e4b "variant added to an internally tagged enum" [VariantAdded]
        { #[serde(tag = "kind")] enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }]
        => { #[serde(tag = "kind")] enum T { A, B { x: u32 }, C { y: String } } } [T::A, T::B { x: 1 }, T::C { y: "y".into() }];
    e4c "variant added to an adjacently tagged enum" [VariantAdded]
        { #[serde(tag = "t", content = "c")] enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }]
        => { #[serde(tag = "t", content = "c")] enum T { A, B { x: u32 }, C(u8) } } [T::A, T::B { x: 1 }, T::C(3)];
    e7 "unit variant gets data" [VariantContentChanged]
        { enum T { A, B } } [T::A, T::B] => { enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }];
    e7b "unit variant gets an optional field" [VariantContentChanged]
        { enum T { A, B } } [T::A, T::B] => { enum T { A, B { x: Option<u32> } } } [T::A, T::B { x: None }, T::B { x: Some(1) }];
    e7c "internally tagged unit variant gets a field" [RequiredFieldAdded]
        { #[serde(tag = "kind")] enum T { A, B } } [T::A, T::B]
        => { #[serde(tag = "kind")] enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }];
    e8 "required field added to a variant" [RequiredFieldAdded]
        { enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }]
        => { enum T { A, B { x: u32, y: u32 } } } [T::A, T::B { x: 1, y: 2 }];
    e9 "optional field added to a variant" [OptionalFieldAdded]
        { enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }]
        => { enum T { A, B { x: u32, y: Option<u32> } } } [T::A, T::B { x: 1, y: Some(2) }];
    e10 "field of a variant removed" [RequiredFieldRemoved]
        { enum T { A, B { x: u32, y: u32 } } } [T::A, T::B { x: 1, y: 2 }]
        => { enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }];
    e11 "newtype variant becomes a struct variant with the same fields" []
        { enum T { A, B(Inner) } struct Inner { x: u32 } } [T::A, T::B(Inner { x: 1 })]
        => { enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }];
    e12a "tuple variant becomes longer" [LengthChanged]
        { enum T { A, B(u32, u32) } } [T::A, T::B(1, 2)] => { enum T { A, B(u32, u32, u32) } } [T::A, T::B(1, 2, 3)];
    e12b "newtype variant becomes a tuple variant" [TypeChanged]
        { enum T { A, B(u32) } } [T::A, T::B(1)] => { enum T { A, B(u32, u32) } } [T::A, T::B(1, 2)];
    e13a "external tag becomes an internal one" [RepresentationChanged]
        { enum T { A { x: u32 }, B { y: u32 } } } [T::A { x: 1 }, T::B { y: 1 }]
        => { #[serde(tag = "kind")] enum T { A { x: u32 }, B { y: u32 } } } [T::A { x: 1 }, T::B { y: 1 }];
    e13b "internal tag becomes an adjacent one" [RequiredFieldAdded, RequiredFieldRemoved, RequiredFieldAdded, RequiredFieldRemoved]
        { #[serde(tag = "kind")] enum T { A { x: u32 } , B { x: u32 } } } [T::A { x: 1 }, T::B { x: 1 }]
        => { #[serde(tag = "kind", content = "c")] enum T { A { x: u32 }, B { x: u32 } } } [T::A { x: 1 }, T::B { x: 1 }];
    e13c "external tag becomes untagged" [RepresentationChanged]
        { enum T { IsA { x: u32 }, IsB { y: u32 } } } [T::IsA { x: 1 }, T::IsB { y: 1 }]
        => { #[serde(untagged)] enum T { IsA { x: u32 }, IsB { y: u32 } } } [T::IsA { x: 1 }, T::IsB { y: 1 }];
    e14 "name of the tag changed" [RepresentationChanged]
        { #[serde(tag = "kind")] enum T { A { x: u32 }, B } } [T::A { x: 1 }, T::B]
        => { #[serde(tag = "type")] enum T { A { x: u32 }, B } } [T::A { x: 1 }, T::B];
    e15 "untagged variant added at the end" [VariantAdded]
        { #[serde(untagged)] enum T { IsNumber(u32), IsText(String) } } [T::IsNumber(1), T::IsText("a".into())]
        => { #[serde(untagged)] enum T { IsNumber(u32), IsText(String), IsList(Vec<u8>) } } [T::IsNumber(1), T::IsText("a".into()), T::IsList(vec![1])];
    e16 "untagged variant added before others" [VariantAdded, VariantsReordered]
        { #[serde(untagged)] enum T { IsBoth { x: u32, y: u32 }, IsText(String) } } [T::IsBoth { x: 1, y: 2 }, T::IsText("a".into())]
        => { #[serde(untagged)] enum T { IsOne { x: u32 }, IsBoth { x: u32, y: u32 }, IsText(String) } } [T::IsOne { x: 1 }, T::IsText("a".into())];
    e17 "untagged variants reordered" [VariantsReordered]
        { #[serde(untagged)] enum T { IsBoth { x: u32, y: u32 }, IsOne { x: u32 } } } [T::IsBoth { x: 1, y: 2 }, T::IsOne { x: 1 }]
        => { #[serde(untagged)] enum T { IsOne { x: u32 }, IsBoth { x: u32, y: u32 } } } [T::IsOne { x: 1 }];
    e18 "variant added to an enum that is the key of a map" [OptionalFieldAdded]
        { struct T { a: BTreeMap<Key, u32> } #[derive(Eq, PartialOrd, Ord)] enum Key { A, B } } [T { a: [(Key::A, 1)].into() }]
        => { struct T { a: BTreeMap<Key, u32> } #[derive(Eq, PartialOrd, Ord)] enum Key { A, B, C } } [T { a: [(Key::A, 1)].into() }, T { a: [(Key::C, 1)].into() }];
    e19 "`Option<E>` becomes `E` with a variant `None`" [BecameRequired, VariantAdded]
        { struct T { a: Option<E> } enum E { A } } [T { a: Some(E::A) }, T { a: None }]
        => { struct T { a: E } enum E { A, None } } [T { a: E::A }, T { a: E::None }];
    e22 "unit variant documented" []
        { enum T { A, B } } [T::A, T::B] => { enum T { /** Documented. */ A, B } } [T::A, T::B];
    e23 "variants reordered" []
        { enum T { A, B { x: u32 } } } [T::A, T::B { x: 1 }] => { enum T { B { x: u32 }, A } } [T::A, T::B { x: 1 }];
    e24 "all variants replaced" [VariantRemoved, VariantRemoved, VariantAdded, VariantAdded]
        { enum T { A, B } } [T::A, T::B] => { enum T { C, D } } [T::C, T::D];
    e25 "variant inside `Option<Enum>` added" [VariantAdded]
        { struct T { a: Option<E> } enum E { A, B(u8) } } [T { a: Some(E::A) }, T { a: None }]
        => { struct T { a: Option<E> } enum E { A, B(u8), C } } [T { a: Some(E::A) }, T { a: Some(E::C) }];
    e26 "enum flattened into a struct gets a variant" [VariantAdded]
        { struct T { a: u32, #[serde(flatten)] e: E } #[serde(tag = "kind")] enum E { A { x: u32 }, B { y: u32 } } } [T { a: 1, e: E::A { x: 1 } }, T { a: 1, e: E::B { y: 1 } }]
        => { struct T { a: u32, #[serde(flatten)] e: E } #[serde(tag = "kind")] enum E { A { x: u32 }, B { y: u32 }, C { z: u32 } } } [T { a: 1, e: E::A { x: 1 } }, T { a: 1, e: E::C { z: 1 } }];
}
