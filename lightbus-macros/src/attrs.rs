//! The arguments of attributes such as `#[lightbus::api(…)]`, `#[rpc(…)]` and `#[on(…)]`, typed and with their spans.

use std::fmt::Write as _;
use std::str::FromStr;

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token};

use crate::errors::Errors;
use crate::names;

/// The arguments of one attribute.
pub(crate) struct Arguments {
    /// The attribute as messages name it, such as `#[rpc]`.
    attribute: &'static str,
    list: Vec<Argument>,
}

/// One argument: `idempotent`, or `timeout = "2s"`.
pub(crate) struct Argument {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // Any identifier, because `crate` and `type` are arguments and keywords.
        let name = input.call(Ident::parse_any)?;
        let value = if input.parse::<Option<Token![=]>>()?.is_some() { Some(ungrouped(input.parse()?)) } else { None };
        Ok(Self { name, value })
    }
}

/// The value without the invisible group that `macro_rules!` leaves around it.
fn ungrouped(mut value: Expr) -> Expr {
    while let Expr::Group(group) = value {
        value = *group.expr;
    }
    value
}

impl Arguments {
    /// What stands between the parentheses of the attribute.
    pub(crate) fn parse(attribute: &'static str, tokens: TokenStream, errors: &mut Errors) -> Self {
        let list = match Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(list) => list.into_iter().collect(),
            Err(error) => {
                let problem = format!("the arguments of `{attribute}` cannot be read: {error}");
                let help = "write them as `name = value` or as a bare `name`, separated by commas";
                errors.refuse_at(error.span(), problem, help);
                Vec::new()
            }
        };
        Self { attribute, list }
    }

    /// The arguments of an inner attribute; `#[rpc]` alone has none.
    pub(crate) fn of(attribute: &'static str, source: &Attribute, errors: &mut Errors) -> Self {
        match &source.meta {
            Meta::Path(_) => Self { attribute, list: Vec::new() },
            Meta::List(list) => Self::parse(attribute, list.tokens.clone(), errors),
            Meta::NameValue(_) => {
                let name = attribute.trim_start_matches("#[").trim_end_matches(']');
                let problem = format!("`{attribute}` takes its arguments in parentheses");
                errors.refuse(source, problem, format_args!("write `#[{name}(…)]`, or `{attribute}` without any"));
                Self { attribute, list: Vec::new() }
            }
        }
    }

    /// The arguments of these names, in this order. All others are refused, and so are repetitions.
    pub(crate) fn retain<const N: usize>(self, known: [&'static str; N], errors: &mut Errors) -> [Option<Argument>; N] {
        let mut found = [const { None }; N];
        for argument in self.list {
            let name = argument.name.unraw().to_string();
            let slot = known.iter().zip(&mut found).find(|(known, _)| **known == name).map(|(_, slot)| slot);
            match slot {
                Some(slot @ None) => *slot = Some(argument),
                Some(Some(_)) => {
                    let problem = format!("`{}` is given `{name}` twice", self.attribute);
                    errors.refuse(&argument.name, problem, "keep one of the two");
                }
                None => {
                    let problem = format!("`{}` has no argument `{name}`", self.attribute);
                    errors.refuse(&argument.name, problem, known_arguments(&name, &known));
                }
            }
        }
        found
    }
}

/// "did you mean …?", or the whole list.
fn known_arguments(name: &str, known: &[&str]) -> String {
    if let Some(closest) = names::closest(name, known) {
        return format!("did you mean `{closest}`?");
    }
    let mut help = String::from("it takes ");
    for (at, name) in known.iter().enumerate() {
        let separator = match at {
            0 => "",
            _ if at + 1 == known.len() => " and ",
            _ => ", ",
        };
        // Writing to a `String` cannot fail.
        let _ = write!(help, "{separator}`{name}`");
    }
    help
}

impl Argument {
    /// The value of `name = "…"`.
    pub(crate) fn string(self, example: &str, errors: &mut Errors) -> Option<LitStr> {
        if let Some(Expr::Lit(ExprLit { lit: Lit::Str(value), .. })) = self.value {
            return Some(value);
        }
        self.refuse("a string literal", example, errors);
        None
    }

    /// The value of `name = 4`: a whole number above zero.
    pub(crate) fn positive<N: FromStr + Default + PartialEq>(self, example: &str, errors: &mut Errors) -> Option<N> {
        if let Some(Expr::Lit(ExprLit { lit: Lit::Int(value), .. })) = &self.value
            && let Ok(number) = value.base10_digits().parse::<N>()
            && number != N::default()
        {
            return Some(number);
        }
        let largest = u64::MAX >> (64 - 8 * size_of::<N>());
        self.refuse(&format!("a whole number from 1 to {largest}"), example, errors);
        None
    }

    /// The value of `type = Ident`.
    pub(crate) fn ident(self, example: &str, errors: &mut Errors) -> Option<Ident> {
        if let Some(ident) = self.plain_path().and_then(|path| path.get_ident().cloned()) {
            return Some(ident);
        }
        self.refuse("a single identifier", example, errors);
        None
    }

    /// The value of `crate = path`.
    pub(crate) fn path(self, example: &str, errors: &mut Errors) -> Option<Path> {
        if let Some(path) = self.plain_path() {
            return Some(path);
        }
        self.refuse("a path without generics", example, errors);
        None
    }

    /// `idempotent` stands alone.
    pub(crate) fn flag(self, errors: &mut Errors) -> bool {
        if let Some(value) = &self.value {
            let name = &self.name;
            let help = format!("write `{name}` alone, or leave it out");
            errors.refuse(value, format_args!("`{name}` takes no value"), help);
        }
        true
    }

    fn plain_path(&self) -> Option<Path> {
        let Some(Expr::Path(value)) = &self.value else { return None };
        let plain = value.qself.is_none() && value.path.segments.iter().all(|part| part.arguments.is_none());
        plain.then(|| value.path.clone())
    }

    fn refuse(self, expected: &str, example: &str, errors: &mut Errors) {
        let problem = format!("`{}` needs {expected}", self.name);
        let help = format!("write `{example}`");
        match &self.value {
            Some(value) => errors.refuse(value, problem, help),
            None => errors.refuse(&self.name, problem, help),
        }
    }
}
