// The connection, subscriptions, and the contexts that callbacks are given.
use super::{in_module, Reducer, RemoteModule};
use spacetimedb_sdk::__codegen::{self as __sdk, DbContextImpl};
use spacetimedb_sdk::{ConnectionId, Identity, Result};

pub struct RemoteReducers {
    pub(super) imp: DbContextImpl<RemoteModule>,
}
pub struct RemoteProcedures {
    pub(super) imp: DbContextImpl<RemoteModule>,
}
pub struct RemoteTables {
    pub(super) imp: DbContextImpl<RemoteModule>,
}
in_module!(RemoteReducers, RemoteProcedures, RemoteTables);

macro_rules! db_context {
    ($context:ident $(, event: $event:ty)?) => {
        pub struct $context {
            pub db: RemoteTables,
            pub reducers: RemoteReducers,
            pub procedures: RemoteProcedures,
            $(pub event: $event,)?
            imp: DbContextImpl<RemoteModule>,
        }
        in_module!($context);

        impl __sdk::DbContext for $context {
            type DbView = RemoteTables;
            type Reducers = RemoteReducers;
            type Procedures = RemoteProcedures;
            type SubscriptionBuilder = __sdk::SubscriptionBuilder<RemoteModule>;

            fn db(&self) -> &RemoteTables {
                &self.db
            }
            fn reducers(&self) -> &RemoteReducers {
                &self.reducers
            }
            fn procedures(&self) -> &RemoteProcedures {
                &self.procedures
            }
            fn is_active(&self) -> bool {
                self.imp.is_active()
            }
            fn disconnect(&self) -> Result<()> {
                self.imp.disconnect()
            }
            fn subscription_builder(&self) -> Self::SubscriptionBuilder {
                __sdk::SubscriptionBuilder::new(&self.imp)
            }
            fn try_identity(&self) -> Option<Identity> {
                self.imp.try_identity()
            }
            fn connection_id(&self) -> ConnectionId {
                self.imp.connection_id()
            }
            fn try_connection_id(&self) -> Option<ConnectionId> {
                self.imp.try_connection_id()
            }
        }
    };
}

macro_rules! event_context {
    ($context:ident, $event:ty) => {
        db_context!($context, event: $event);
        impl __sdk::AbstractEventContext for $context {
            type Event = $event;
            fn event(&self) -> &$event {
                &self.event
            }
            fn new(imp: DbContextImpl<RemoteModule>, event: $event) -> Self {
                Self {
                    db: RemoteTables { imp: imp.clone() },
                    reducers: RemoteReducers { imp: imp.clone() },
                    procedures: RemoteProcedures { imp: imp.clone() },
                    event,
                    imp,
                }
            }
        }
        impl __sdk::$context for $context {}
    };
    ($context:ident) => {
        db_context!($context);
        impl __sdk::AbstractEventContext for $context {
            type Event = ();
            fn event(&self) -> &() {
                &()
            }
            fn new(imp: DbContextImpl<RemoteModule>, _event: ()) -> Self {
                Self {
                    db: RemoteTables { imp: imp.clone() },
                    reducers: RemoteReducers { imp: imp.clone() },
                    procedures: RemoteProcedures { imp: imp.clone() },
                    imp,
                }
            }
        }
        impl __sdk::$context for $context {}
    };
}

event_context!(EventContext, __sdk::Event<Reducer>);
event_context!(ReducerEventContext, __sdk::ReducerEvent<Reducer>);
event_context!(ProcedureEventContext);
event_context!(SubscriptionEventContext);
event_context!(ErrorContext, Option<spacetimedb_sdk::Error>);

db_context!(DbConnection);

impl DbConnection {
    pub fn builder() -> __sdk::DbConnectionBuilder<RemoteModule> {
        __sdk::DbConnectionBuilder::new()
    }

    /// Handles every message that has come, without waiting for more.
    pub fn frame_tick(&self) -> Result<()> {
        self.imp.frame_tick()
    }

    pub fn run_threaded(&self) -> std::thread::JoinHandle<()> {
        self.imp.run_threaded()
    }
}

impl __sdk::DbConnection for DbConnection {
    fn new(imp: DbContextImpl<RemoteModule>) -> Self {
        Self {
            db: RemoteTables { imp: imp.clone() },
            reducers: RemoteReducers { imp: imp.clone() },
            procedures: RemoteProcedures { imp: imp.clone() },
            imp,
        }
    }
}

#[derive(Clone)]
pub struct SubscriptionHandle {
    imp: __sdk::SubscriptionHandleImpl<RemoteModule>,
}
in_module!(SubscriptionHandle);

impl __sdk::SubscriptionHandle for SubscriptionHandle {
    fn new(imp: __sdk::SubscriptionHandleImpl<RemoteModule>) -> Self {
        Self { imp }
    }
    fn is_ended(&self) -> bool {
        self.imp.is_ended()
    }
    fn is_active(&self) -> bool {
        self.imp.is_active()
    }
    fn unsubscribe_then(self, on_end: __sdk::OnEndedCallback<RemoteModule>) -> Result<()> {
        self.imp.unsubscribe_then(Some(on_end))
    }
    fn unsubscribe(self) -> Result<()> {
        self.imp.unsubscribe_then(None)
    }
}
