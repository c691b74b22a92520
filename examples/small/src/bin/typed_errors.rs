//! Returns the error of a method to the caller as the type that it is.
//!
//! ```text
//! withdrawn, 60 left
//! 40 missing
//! the method did not run: nobody serves small.post
//! ```

use lightbus::prelude::*;

#[derive(Debug, Serialize, Deserialize, JsonSchema, thiserror::Error)]
enum AccountError {
    #[error("the account lacks {missing}")]
    NotEnough { missing: u64 },
}

#[lightbus::api(name = "small.account")]
trait Account {
    async fn withdraw(&self, amount: u64) -> Result<u64, AccountError>;
}

#[lightbus::api(name = "small.post")]
trait Post {
    async fn send(&self, letter: &str);
}

struct Hundred;

impl Account for Hundred {
    async fn withdraw(&self, amount: u64) -> Result<u64, AccountError> {
        100_u64.checked_sub(amount).ok_or(AccountError::NotEnough { missing: amount.saturating_sub(100) })
    }
}

#[tokio::main]
async fn main() -> lightbus::Result<()> {
    let bus = Bus::service("bank").url("memory://").connect().await?;
    bus.serve(AccountServer::new(Hundred)).await?;

    let account = AccountClient::new(&bus);
    println!("withdrawn, {} left", account.withdraw(40).await?);
    match account.withdraw(140).await {
        Err(CallError::Method { error: AccountError::NotEnough { missing }, .. }) => println!("{missing} missing"),
        other => println!("not expected: {other:?}"),
    }
    // Every other way in which a call can fail is a variant, too.
    if let Err(error @ CallError::NoServer { .. }) = PostClient::new(&bus).send("a letter").await {
        assert!(!error.may_have_run());
        println!("the method did not run: nobody serves small.post");
    }
    bus.shutdown().await;
    Ok(())
}
