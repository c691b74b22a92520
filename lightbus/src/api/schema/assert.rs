//! The check of an API against the schema that is kept in a file.

use std::path::Path;
use std::{env, fs, io};

use super::compat::compare;
use super::document::ApiSchema;
use crate::api::Api;

/// The environment variable that says what to do about a change.
const VARIABLE: &str = "LIGHTBUS_SCHEMA";

/// Checks in a test that an API is compatible with the schema in a file, which is kept under version control.
///
/// The file is the version that runs: the test fails if the API differs from it, and says what old and new processes
/// make of each other's messages, in which order to deploy them, and how to accept the change:
///
/// - `LIGHTBUS_SCHEMA=update` records a change for which there is a safe order of deployment, and the first schema.
/// - `LIGHTBUS_SCHEMA=accept-breaking` records any change.
///
/// Changes of documentation pass. A path is relative to the crate that the test is in.
///
/// ```no_run
/// # use lightbus::prelude::*;
/// #[lightbus::api(name = "company.warranty")]
/// trait Warranty {
///     async fn check(&self, serial: &str) -> String;
/// }
///
/// # /*
/// #[test]
/// # */
/// fn the_schema_is_compatible() {
///     lightbus::schema::assert_compatible!(WarrantyApi, "schemas/company.warranty.json");
/// }
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __assert_compatible {
    ($api:ty, $path:expr $(,)?) => {
        $crate::schema::assert_compatible_with::<$api>(::core::env!("CARGO_MANIFEST_DIR"), $path)
    };
}

/// What [`assert_compatible!`](crate::schema::assert_compatible) calls.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "a test fails by panicking")]
pub fn assert_compatible_with<A: Api>(root: &str, path: &str) {
    let file = Path::new(root).join(path);
    if let Err(problem) = check(&A::schema(), &file, Acceptance::from_environment()) {
        panic!("{problem}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acceptance {
    Nothing,
    Compatible,
    Breaking,
}

impl Acceptance {
    fn from_environment() -> Self {
        match env::var(VARIABLE).as_deref() {
            Ok("update") => Self::Compatible,
            Ok("accept-breaking") => Self::Breaking,
            _ => Self::Nothing,
        }
    }
}

fn check(new: &ApiSchema, file: &Path, acceptance: Acceptance) -> Result<(), String> {
    let shown = file.display();
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if acceptance != Acceptance::Nothing {
                return write(new, file);
            }
            return Err(format!(
                "`{shown}` does not exist yet. To record the schema of `{}`, run the test with `{VARIABLE}=update`",
                new.name
            ));
        }
        Err(error) => return Err(format!("`{shown}` cannot be read: {error}")),
    };
    let old = ApiSchema::from_json(&text).map_err(|error| {
        format!("`{shown}` is not the schema of an API: {error}. To record it again, delete the file and run the test with `{VARIABLE}=update`")
    })?;
    let comparison = compare(&old, new);
    let is_accepted = match acceptance {
        Acceptance::Nothing => false,
        Acceptance::Compatible => comparison.is_compatible(),
        Acceptance::Breaking => true,
    };
    if is_accepted {
        return if text == new.to_json() { Ok(()) } else { write(new, file) };
    }
    if comparison.is_empty() {
        return Ok(());
    }
    let name = &new.name;
    if comparison.is_compatible() {
        return Err(format!(
            "`{name}` changed since `{shown}` was written. The change is compatible:\n\n{comparison}\n\n\
             To record it, run the test with `{VARIABLE}=update`"
        ));
    }
    Err(format!(
        "`{name}` is not compatible with `{shown}`:\n\n{comparison}\n\n\
         To record the change nevertheless, run the test with `{VARIABLE}=accept-breaking`"
    ))
}

fn write(schema: &ApiSchema, file: &Path) -> Result<(), String> {
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, schema.to_json()))
        .map_err(|error| format!("`{}` cannot be written: {error}", file.display()))
}
