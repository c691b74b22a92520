"""The throw-away crates: programs that serve and call one API with so many methods."""

import shutil
from pathlib import Path

MANIFEST = """\
[package]
name = "methods-{methods}"
version = "0.0.0"
edition = "2024"
publish = false

[dependencies]
lightbus = {{ path = "{lightbus}" }}
schemars = "1.2"
serde = {{ version = "1.0", features = ["derive"] }}
thiserror = "2.0"
tokio = {{ version = "1.50", default-features = false, features = ["macros", "rt-multi-thread"] }}
"""

TYPES = """\
use lightbus::prelude::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Cover {
    pub until: String,
    pub days: u32,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub enum WarrantyError {
    #[error("no product has the serial number {serial}")]
    UnknownProduct { serial: String },
}
"""

METHOD = """\
    /// What covers a product in case {number}.
    async fn check_{number}(&self, serial: &str, customer: u64, parts: &[String]) -> Result<Cover, WarrantyError>;
"""

BODY = """\
    async fn check_{number}(&self, serial: &str, customer: u64, parts: &[String]) -> Result<Cover, WarrantyError> {{
        if parts.is_empty() {{
            return Err(WarrantyError::UnknownProduct {{ serial: serial.to_owned() }});
        }}
        Ok(Cover {{ until: format!("case {number} of {{customer}}"), days: {number} }})
    }}
"""

CALL = """\
    warranty.check_{number}("SN-0042", 7, &[]).await?;
"""

# The same in every crate, also in the one without an API: what differs is the API.
MAIN = """\
use contract::{{Cover, WarrantyError}};
use lightbus::prelude::*;

mod contract;
{modules}
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {{
    let bus = Bus::service("bench").url("memory://").connect().await?;
    println!("{{:?}}", Cover {{ until: String::new(), days: 0 }});
    println!("{{:?}}", WarrantyError::UnknownProduct {{ serial: String::new() }});
{body}    bus.shutdown().await;
    Ok(())
}}
"""

SERVE_AND_CALL = """\
    bus.serve(contract::WarrantyServer::new(desk::Desk)).await?;
    caller::call(&contract::WarrantyClient::new(&bus)).await?;
"""


def each(template, methods):
    return "".join(template.format(number=number) for number in range(methods))


def contract(methods):
    if methods == 0:
        return TYPES
    return f'{TYPES}\n#[lightbus::api(name = "bench.warranty")]\npub trait Warranty {{\n{each(METHOD, methods)}}}\n'


def desk(methods):
    return (
        "use crate::contract::{Cover, Warranty, WarrantyError};\n\npub struct Desk;\n\n"
        f"impl Warranty for Desk {{\n{each(BODY, methods)}}}\n"
    )


def caller(methods):
    return (
        "use crate::contract::{WarrantyClient, WarrantyError};\nuse lightbus::CallError;\n\n"
        "pub async fn call(warranty: &WarrantyClient) -> Result<(), CallError<WarrantyError>> {\n"
        f"{each(CALL, methods)}    Ok(())\n}}\n"
    )


def write(directory: Path, lightbus: Path, methods):
    source = directory / "src"
    source.mkdir(parents=True, exist_ok=True)
    (directory / "Cargo.toml").write_text(MANIFEST.format(methods=methods, lightbus=lightbus))
    (source / "contract.rs").write_text(contract(methods))
    if methods:
        (source / "desk.rs").write_text(desk(methods))
        (source / "caller.rs").write_text(caller(methods))
    modules, body = ("mod caller;\nmod desk;\n", SERVE_AND_CALL) if methods else ("", "")
    (source / "main.rs").write_text(MAIN.format(modules=modules, body=body))


def write_workspace(directory: Path, root: Path, sizes):
    directory.mkdir(parents=True, exist_ok=True)
    for methods in sizes:
        write(directory / f"methods-{methods}", root / "lightbus", methods)
    members = ", ".join(f'"methods-{methods}"' for methods in sizes)
    (directory / "Cargo.toml").write_text(
        f'[workspace]\nresolver = "3"\nmembers = [{members}]\n\n[profile.release]\nstrip = true\n'
    )
    # The versions of the dependencies that Lightbus is tested with.
    shutil.copy(root / "Cargo.lock", directory / "Cargo.lock")


def alter_trait(directory: Path, methods, marker):
    """Changes a word in the documentation of the first method of the trait."""
    text = contract(methods).replace("in case 0.", f"in case 0 ({marker}).")
    (directory / f"methods-{methods}" / "src" / "contract.rs").write_text(text)


def alter_body(directory: Path, methods, marker):
    """Changes a string in the body of the first method of the implementation."""
    text = desk(methods).replace("case 0 of", f"case 0 ({marker}) of")
    (directory / f"methods-{methods}" / "src" / "desk.rs").write_text(text)
