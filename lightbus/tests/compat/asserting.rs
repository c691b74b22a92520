//! The line in a user's test, run as a user runs it: by this very binary, with and without the environment variable.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use lightbus::api::Api;
use lightbus::schema::{ApiSchema, assert_compatible};

use crate::apis::{new, old};

/// Tells the child which file to use, and which API.
const FILE: &str = "LIGHTBUS_TEST_SCHEMA_FILE";
const API: &str = "LIGHTBUS_TEST_SCHEMA_API";

/// What the other tests start. On its own it checks nothing.
#[test]
fn child() {
    let (Ok(file), Ok(api)) = (env::var(FILE), env::var(API)) else { return };
    match api.as_str() {
        "old" => assert_compatible!(old::DeskApi, &file),
        _ => assert_compatible!(new::DeskApi, &file),
    }
}

/// A file of its own, which goes away again.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("lightbus-schema-{}-{name}/schemas/company.desk.json", std::process::id())))
    }

    fn write(&self, schema: &ApiSchema) {
        std::fs::create_dir_all(self.0.parent().expect("it is in a folder")).expect("the folder can be made");
        std::fs::write(&self.0, schema.to_json()).expect("the file can be written");
    }

    fn read(&self) -> ApiSchema {
        ApiSchema::from_json(&std::fs::read_to_string(&self.0).expect("the file is there")).expect("it is a schema")
    }

    /// What the assertion says of an API, or nothing if it holds.
    fn complaint(&self, api: &str, acceptance: Option<&str>) -> Option<String> {
        let mut command = Command::new(env::current_exe().expect("the test is a file"));
        command.args(["--exact", "asserting::child"]).env(FILE, &self.0).env(API, api).env_remove("LIGHTBUS_SCHEMA");
        if let Some(acceptance) = acceptance {
            command.env("LIGHTBUS_SCHEMA", acceptance);
        }
        let output = command.output().expect("the test starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (!output.status.success()).then_some(text)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let folder = self.0.ancestors().nth(2).unwrap_or(Path::new(""));
        let _ = std::fs::remove_dir_all(folder);
    }
}

#[test]
fn the_first_schema_is_recorded_when_asked_for() {
    let kept = Kept::new("first");
    let complaint = kept.complaint("old", None).expect("there is no file yet");
    assert!(complaint.contains("does not exist yet") && complaint.contains("LIGHTBUS_SCHEMA=update"), "{complaint}");
    assert_eq!(kept.complaint("old", Some("update")), None);
    assert_eq!(kept.complaint("old", None), None);
    assert_eq!(kept.read(), old::DeskApi::schema());
}

#[test]
fn a_breaking_change_is_refused_until_it_is_accepted() {
    let kept = Kept::new("breaking");
    kept.write(&old::DeskApi::schema());
    for acceptance in [None, Some("update")] {
        let complaint = kept.complaint("new", acceptance).expect("the change breaks calls");
        assert!(complaint.contains("is not compatible with"), "{complaint}");
        assert!(complaint.contains("LIGHTBUS_SCHEMA=accept-breaking"), "{complaint}");
        assert!(complaint.contains("`removed` [method-removed]"), "{complaint}");
        assert_eq!(kept.read(), old::DeskApi::schema());
    }
    assert_eq!(kept.complaint("new", Some("accept-breaking")), None);
    assert_eq!(kept.read(), new::DeskApi::schema());
    assert_eq!(kept.complaint("new", None), None);
}

#[test]
fn a_compatible_change_is_recorded_when_asked_for() {
    let kept = Kept::new("compatible");
    let mut before = old::DeskApi::schema();
    before.methods.remove("kept");
    kept.write(&before);
    let complaint = kept.complaint("old", None).expect("the file is not up to date");
    assert!(complaint.contains("The change is compatible"), "{complaint}");
    assert!(complaint.contains("deploy the server before its callers"), "{complaint}");
    assert!(complaint.contains("LIGHTBUS_SCHEMA=update"), "{complaint}");
    assert_eq!(kept.complaint("old", Some("update")), None);
    assert_eq!(kept.read(), old::DeskApi::schema());
}

#[test]
fn documentation_may_change() {
    let kept = Kept::new("documentation");
    let mut before = old::DeskApi::schema();
    before.description = "Other words".to_owned();
    kept.write(&before);
    assert_eq!(kept.complaint("old", None), None);
}

#[test]
fn a_file_that_is_no_schema_is_told_apart() {
    let kept = Kept::new("broken");
    kept.write(&old::DeskApi::schema());
    std::fs::write(&kept.0, "{").expect("the file can be written");
    let complaint = kept.complaint("old", None).expect("the file is broken");
    assert!(complaint.contains("is not the schema of an API"), "{complaint}");
}
