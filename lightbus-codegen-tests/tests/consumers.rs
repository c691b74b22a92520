//! Crates that use the macro under unusual conditions. That they compile is one half of the test; here each of them
//! serves its API and calls it.

use std::error::Error;

use lightbus::Bus;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

async fn bus() -> lightbus::Result<Bus> {
    Bus::service("consumers").url("memory://").connect().await
}

#[tokio::test]
async fn with_no_other_dependency_and_in_an_older_edition() -> Outcome {
    consumer_bare_dependencies::check(&bus().await?).await
}

#[tokio::test]
async fn without_a_prelude() -> Outcome {
    consumer_no_implicit_prelude::check(&bus().await?).await
}

#[tokio::test]
async fn with_odd_names() -> Outcome {
    consumer_odd_names::check(&bus().await?).await
}

#[tokio::test]
async fn with_lightbus_renamed() -> Outcome {
    consumer_renamed::check(&bus().await?).await
}

#[tokio::test]
async fn under_strict_lints() -> Outcome {
    consumer_strict_lints::check(&bus().await?).await
}
