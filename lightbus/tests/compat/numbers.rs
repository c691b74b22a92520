//! Numbers and booleans.

crate::pairs! {
    n1a "`u32` becomes `u64`" [IntegerWidened]
        (u32) [0, 7, u32::MAX] => (u64) [0, u64::MAX];
    n1b "`i8` becomes `i16`" [IntegerWidened]
        (i8) [i8::MIN, i8::MAX] => (i16) [0, i16::MIN, i16::MAX];
    n2a "`u64` becomes `u32`" [IntegerNarrowed]
        (u64) [0, u64::MAX] => (u32) [0, u32::MAX];
    n2b "`usize` becomes `u16`" [IntegerNarrowed]
        (usize) [0, usize::MAX] => (u16) [0, u16::MAX];
    n3 "`u32` becomes `i64`" [IntegerWidened]
        (u32) [0, u32::MAX] => (i64) [0, i64::MIN, i64::MAX];
    n4 "`u32` becomes `i32`" [IntegerChanged]
        (u32) [0, u32::MAX] => (i32) [0, i32::MIN, i32::MAX];
    n5 "`i32` becomes `u32`" [IntegerChanged]
        (i32) [0, i32::MIN, i32::MAX] => (u32) [0, u32::MAX];
    n6 "`u32` becomes `f64`" [NumberChanged]
        (u32) [0, u32::MAX] => (f64) [1.5, 5.0];
    n7 "`u64` becomes `f64`" [NumberChanged]
        (u64) [0, u64::MAX] => (f64) [1.5, 5.0];
    n7b "`i64` becomes `f64`" [NumberChanged]
        (i64) [0, (1 << 53) + 1] => (f64) [1.5, -5.0];
    n7c "`u32` becomes `f32`" [NumberChanged]
        (u32) [0, (1 << 24) + 1] => (f32) [1.5, 5.0];
    n7d "`u16` becomes `f32`" [NumberChanged]
        (u16) [0, u16::MAX] => (f32) [1.5, 5.0];
    n8 "`f64` becomes `i64`" [NumberChanged]
        (f64) [1.5, 5.0] => (i64) [0, (1 << 53) + 1];
    n9 "`f32` becomes `f64`" [NumberChanged]
        (f32) [0.5, 0.1] => (f64) [0.5, 0.123_456_789_012];
    n10 "`f64` becomes `f32`" [NumberChanged]
        (f64) [0.5, 0.123_456_789_012] => (f32) [0.5, 0.1];
    n13a "`u32` becomes `NonZeroU32`" [IntegerNarrowed]
        (u32) [0, 1] => (NonZeroU32) [NonZeroU32::MIN];
    n13b "`i32` becomes `NonZeroI32`" [IntegerNarrowed]
        (i32) [0, -1] => (NonZeroI32) [NonZeroI32::MIN];
    n14 "`NonZeroU32` becomes `u32`" [IntegerWidened]
        (NonZeroU32) [NonZeroU32::MIN] => (u32) [0, 1];
    n15a "integer becomes text" [TypeChanged]
        (u32) [1] => (String) ["1".into()];
    n15b "float becomes text" [TypeChanged]
        (f64) [1.5] => (String) ["1.5".into()];
    n16a "`bool` becomes an integer" [TypeChanged]
        (bool) [true, false] => (u8) [0, 1];
    n16b "`bool` becomes an enum" [TypeChanged]
        (bool) [true, false] => { enum T { Low, High } } [T::Low, T::High];
    n19a "`range` changed" [ConstraintChanged]
        { struct T { #[schemars(range(min = 5, max = 9))] a: u32 } } [T { a: 5 }, T { a: 100 }]
        => { struct T { #[schemars(range(min = 2, max = 3))] a: u32 } } [T { a: 2 }, T { a: 100 }];
    n20 "integer becomes `serde_json::Number`" [NumberChanged]
        (u32) [0, 7] => (serde_json::Number) [7.into(), serde_json::Number::from_f64(1.5).unwrap()];
}
