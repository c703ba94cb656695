//! A connection with its stream.

use async_nats::{
    Client, ConnectOptions,
    jetstream::{
        Context, ContextBuilder, ErrorCode,
        context::GetStreamErrorKind,
        stream::{self, Stream},
    },
};
use secrecy::ExposeSecret as _;
use workers::RelayError;

use crate::{Config, Credentials, trouble};

/// How often the library looks for a lost server by itself, before we do.
const RECONNECTS: usize = 10;
/// Messages that wait for their acknowledgement.
const IN_FLIGHT: usize = 1024;

/// A connection with its stream. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) context: Context,
    pub(crate) stream: Stream<()>,
}

impl Session {
    pub(crate) async fn open(config: &Config) -> Result<Self, RelayError> {
        let client = connect(config).await?;
        let context = ContextBuilder::new()
            .timeout(config.timeout)
            .ack_timeout(config.timeout)
            .max_ack_inflight(IN_FLIGHT)
            .backpressure_on_inflight(true)
            .build(client);
        match context.get_stream(&config.stream).await {
            Ok(_) => {}
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(error)
                    if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    make(&context, config).await?;
                }
                GetStreamErrorKind::JetStream(error) => return Err(trouble::of_code(&error)),
                _ => return Err(trouble::silent()),
            },
        }
        let stream = context.get_stream_no_info(&config.stream).await;
        let stream = stream.map_err(|_| trouble::silent())?;
        Ok(Self { context, stream })
    }
}

async fn connect(config: &Config) -> Result<Client, RelayError> {
    let mut options = ConnectOptions::new()
        .name("wisptrail")
        .connection_timeout(config.timeout)
        .request_timeout(Some(config.timeout))
        .max_reconnects(RECONNECTS)
        // What is amiss is told by whatever is tried next.
        .event_callback(async |_| {});
    options = match &config.credentials {
        Credentials::None => options,
        Credentials::User(user, password) => {
            options.user_and_password(user.clone(), password.expose_secret().to_owned())
        }
        Credentials::Token(token) => options.token(token.expose_secret().to_owned()),
        Credentials::File(path) => {
            let read = options.credentials_file(path).await;
            read.map_err(|_| {
                RelayError::Denied(
                    "nats.credentials_file cannot be read, or has no credentials".to_owned(),
                )
            })?
        }
    };
    if let Some(path) = &config.certificates {
        options = options.add_root_certificates(path.clone());
    }
    let addresses: Vec<&str> = config.url.split(',').map(str::trim).collect();
    let connecting = options.connect(addresses);
    let connected = tokio::time::timeout(config.timeout, connecting).await;
    connected.map_err(|_| trouble::silent())?.map_err(|error| trouble::of_connecting(&error))
}

async fn make(context: &Context, config: &Config) -> Result<(), RelayError> {
    let name = &config.stream;
    if !config.create {
        let why = format!("there is no stream {name}: make it, or set nats.create_stream");
        return Err(RelayError::Refused(why));
    }
    let made = context.create_stream(stream::Config {
        name: name.clone(),
        subjects: vec![format!("{}.>", config.prefix)],
        duplicate_window: config.duplicate_window,
        description: Some("Events of Wisptrail; nobody else writes here".to_owned()),
        // What cannot be taken is refused, and never replaces what is there.
        discard: stream::DiscardPolicy::New,
        ..stream::Config::default()
    });
    made.await.map(drop).map_err(|error| trouble::of_making(&error, name))
}
