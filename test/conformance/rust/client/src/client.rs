// One connection of the published SDK, driven by the test's own thread: nothing happens outside `until`, so a scenario
// knows at each line what its callbacks have seen.
use crate::bindings::*;
use crate::server::Server;
use spacetimedb_sdk::{Compression, DbContext, Identity, SubscriptionHandle as _};
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub struct Client {
    pub connection: DbConnection,
    pub identity: Identity,
    pub token: String,
    disconnected: Arc<Mutex<Option<Result<(), String>>>>,
}

/// How a call ended, for the caller.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Ok,
    Err(String),
    Internal(String),
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Answer {
        match outcome {
            Ok(Ok(())) => Answer::Ok,
            Ok(Err(text)) => Answer::Err(text),
            Err(error) => Answer::Internal(error.to_string()),
        }
    }
}

#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    pub token: Option<&'a str>,
    pub compression: Option<Compression>,
    pub confirmed: Option<bool>,
    pub database: Option<&'a str>,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Client {
    pub fn connect(server: &Server) -> Client {
        Client::connect_with(server, Options::default()).unwrap_or_else(|error| panic!("connect: {error}"))
    }

    pub fn connect_with(server: &Server, options: Options) -> Result<Client, String> {
        let (sender, receiver) = channel();
        let failed: Sender<Result<(Identity, String), String>> = sender.clone();
        let disconnected = Arc::new(Mutex::new(None));
        let seen = disconnected.clone();
        let mut builder = DbConnection::builder()
            .with_uri(server.uri())
            .with_database_name(options.database.unwrap_or("kinds"))
            .with_token(options.token)
            .on_connect(move |_, identity, token| sender.send(Ok((identity, token.to_string()))).unwrap())
            .on_connect_error(move |_, error| failed.send(Err(error.to_string())).unwrap())
            .on_disconnect(move |_, error| {
                *seen.lock().unwrap() = Some(error.map_or(Ok(()), |error| Err(error.to_string())))
            });
        if let Some(compression) = options.compression {
            builder = builder.with_compression(compression);
        }
        if let Some(confirmed) = options.confirmed {
            builder = builder.with_confirmed_reads(confirmed);
        }
        let connection = builder.build().map_err(|error| error.to_string())?;
        let end = Instant::now() + PATIENCE;
        loop {
            let ticked = connection.frame_tick();
            if let Ok(first) = receiver.try_recv() {
                let (identity, token) = first?;
                return Ok(Client { connection, identity, token, disconnected });
            }
            ticked.map_err(|error| error.to_string())?;
            assert!(Instant::now() < end, "nothing came on a new connection");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Handles messages until the condition holds. A connection that ends is no error here: see `disconnected`.
    pub fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let _ = self.connection.frame_tick();
            if condition() {
                return;
            }
            assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// None while the connection lasts; then whether it ended in order.
    pub fn disconnected(&self) -> Option<Result<(), String>> {
        self.disconnected.lock().unwrap().clone()
    }

    /// Makes one call and waits for its answer.
    pub fn call<F>(&self, call: F) -> Answer
    where
        F: FnOnce(&RemoteReducers, Box<dyn FnOnce(&ReducerEventContext, Outcome) + Send>) -> spacetimedb_sdk::Result<()>,
    {
        let answer = Arc::new(Mutex::new(None));
        let ret_answer = answer.clone();
        let done = Box::new(move |_: &ReducerEventContext, outcome: Outcome| {
            *ret_answer.lock().unwrap() = Some(Answer::from(outcome));
        });
        call(&self.connection.reducers, done).expect("the call is sent");
        self.until("a call's answer", || answer.lock().unwrap().is_some());
        let answer = answer.lock().unwrap().take();
        answer.unwrap()
    }

    pub fn subscribe(&self, queries: &[&str]) -> Result<SubscriptionHandle, String> {
        let queries: Vec<String> = queries.iter().map(|query| query.to_string()).collect();
        let (sender, receiver) = channel();
        let failed = sender.clone();
        let handle = self
            .connection
            .subscription_builder()
            .on_applied(move |_| sender.send(Ok(())).unwrap())
            .on_error(move |_, error| failed.send(Err(error.to_string())).unwrap())
            .subscribe(queries);
        let mut answer = None;
        self.until("a subscription's answer", || {
            answer = receiver.try_recv().ok();
            answer.is_some()
        });
        answer.unwrap().map(|()| handle)
    }

    pub fn unsubscribe(&self, handle: SubscriptionHandle) {
        let (sender, receiver) = channel();
        handle.clone().unsubscribe_then(Box::new(move |_| sender.send(()).unwrap())).expect("unsubscribe is sent");
        self.until("the end of a subscription", || receiver.try_recv().is_ok());
        assert!(handle.is_ended());
    }

    /// Ends the connection from this side and waits until the SDK says so.
    pub fn disconnect(self) {
        self.connection.disconnect().expect("was connected");
        self.until("the end of the connection", || self.disconnected().is_some());
        assert_eq!(self.disconnected(), Some(Ok(())));
    }
}

/// What callbacks have seen, in order; shared with them.
#[derive(Clone)]
pub struct Record<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Record<T> {
    pub fn new() -> Record<T> {
        Record(Arc::new(Mutex::new(Vec::new())))
    }
    pub fn push(&self, item: T) {
        self.0.lock().unwrap().push(item);
    }
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
