//! Names that a careless expansion would confuse with its own: of arguments, methods, events, types and the trait.

use std::error::Error;

use lightbus::{Bus, Context};

/// Named like the type parameter that the server would otherwise have.
#[lightbus::api(name = "consumers.odd_names")]
pub trait T {
    /// Arguments named like what the expansion deals with.
    #[allow(clippy::too_many_arguments, reason = "this is what is tested")]
    async fn odd(
        &self,
        self_: u8,
        ctx: u8,
        bus: u8,
        args: &str,
        arguments: &[u8],
        invocation: u8,
        client: &u8,
        outcome: u8,
        service: u8,
        method: u8,
        api: u8,
        argument: u8,
        argument_ctx: u8,
        r#type: u8,
        #[context] context: &Context,
    ) -> u64;

    /// A method named like a keyword.
    async fn r#match(&self, r#in: String) -> String;

    /// Methods named like those of the client's own parts.
    async fn call(&self) -> u8;

    /// And of the dispatcher.
    async fn dispatch(&self) -> u8;

    /// Two names that are the same but for an underscore.
    async fn step_1(&self, r#struct: u8) -> u8;

    /// The other of the two.
    async fn step1(&self, r#enum: &str) -> usize;

    /// Types named like what the expansion derives from names.
    async fn shadows(
        &self,
        arguments: shadows::ShadowsArguments,
        method: shadows::SHADOWS,
    ) -> shadows::ShadowsArguments;

    /// An event named like a keyword.
    #[event]
    fn r#loop(r#type: String);

    /// An event with the name of a method.
    #[event]
    fn call(client: u8, api: u8, name: u8);
}

/// Types that the expansion must not shadow.
pub mod shadows {
    /// A struct's name that could be made of the method's.
    pub type ShadowsArguments = String;
    /// A constant's name that could be made of the method's.
    pub type SHADOWS = u8;
}

struct Service;

impl T for Service {
    async fn odd(
        &self,
        self_: u8,
        ctx: u8,
        bus: u8,
        args: &str,
        arguments: &[u8],
        invocation: u8,
        client: &u8,
        outcome: u8,
        service: u8,
        method: u8,
        api: u8,
        argument: u8,
        argument_ctx: u8,
        r#type: u8,
        _: &Context,
    ) -> u64 {
        let numbers =
            [self_, ctx, bus, invocation, *client, outcome, service, method, api, argument, argument_ctx, r#type];
        let digits =
            numbers.iter().chain(arguments).fold(String::from(args), |digits, number| format!("{digits}{number}"));
        digits.parse().unwrap_or_default()
    }

    async fn r#match(&self, r#in: String) -> String {
        r#in
    }

    async fn call(&self) -> u8 {
        1
    }

    async fn dispatch(&self) -> u8 {
        2
    }

    async fn step_1(&self, r#struct: u8) -> u8 {
        r#struct
    }

    async fn step1(&self, r#enum: &str) -> usize {
        r#enum.len()
    }

    async fn shadows(&self, arguments: String, _: u8) -> String {
        arguments
    }
}

#[lightbus::subscriber]
impl Service {
    /// Named like a keyword, with parameters named like what the expansion deals with.
    #[on]
    async fn r#loop(&self, #[context] state: &Context, delivered: Loop) {
        drop((delivered.r#type, state.attempt()));
    }

    /// Named like a part of the subscriber.
    #[on]
    async fn subscribe(&self, context: Call, #[context] bus: Context) {
        let _ = (context.client, bus.attempt());
    }
}

/// Serves the API on this bus and calls it.
///
/// # Errors
///
/// When anything does not work.
pub async fn check(bus: &Bus) -> Result<(), Box<dyn Error + Send + Sync>> {
    bus.serve(TServer::new(Service)).await?;
    bus.subscribe_all(ServiceSubscriber::new(Service)).await?;
    let client = TClient::new(bus);
    assert_eq!(client.odd(1, 2, 3, "9", &[0, 7], 4, &5, 6, 7, 8, 9, 1, 2, 3).await?, 912_345_678_912_307);
    assert_eq!(client.r#match("word".into()).await?, "word");
    assert_eq!(client.call().await?, 1);
    assert_eq!(client.dispatch().await?, 2);
    assert_eq!(client.step_1(3).await?, 3);
    assert_eq!(client.step1("four").await?, 4);
    assert_eq!(client.shadows("arguments".into(), 1).await?, "arguments");
    bus.publish(Loop { r#type: "for".into() }).await?;
    bus.publish(Call { client: 1, api: 2, name: 3 }).await?;
    Ok(())
}
