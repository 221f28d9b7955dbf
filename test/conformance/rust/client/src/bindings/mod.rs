// What a code generator would write for a part of golden/modules/kinds, by hand: the glue between the published crate
// and this module. `__codegen` is the crate's contract with generated code. Generators repeat themselves; here macros do.
//
// types.rs      row types, and their columns for the query builder
// tables.rs     a handle a table or view: callbacks, rows of the cache, lookup by unique column
// reducers.rs   the calls
// context.rs    the connection and what callbacks are given
// update.rs     messages of the server to rows, and rows to the cache
#![allow(dead_code)]

mod context;
mod reducers;
mod tables;
mod types;
mod update;

pub use context::*;
pub use reducers::*;
pub use tables::*;
pub use types::*;
pub use update::*;

use spacetimedb_sdk::__codegen::{self as __sdk};

#[derive(Debug)]
pub struct RemoteModule;

impl __sdk::InModule for RemoteModule {
    type Module = Self;
}

impl __sdk::SpacetimeModule for RemoteModule {
    type DbConnection = DbConnection;
    type EventContext = EventContext;
    type ReducerEventContext = ReducerEventContext;
    type ProcedureEventContext = ProcedureEventContext;
    type SubscriptionEventContext = SubscriptionEventContext;
    type ErrorContext = ErrorContext;
    type Reducer = Reducer;
    type DbView = RemoteTables;
    type Reducers = RemoteReducers;
    type Procedures = RemoteProcedures;
    type DbUpdate = DbUpdate;
    type AppliedDiff<'r> = AppliedDiff<'r>;
    type SubscriptionHandle = SubscriptionHandle;
    type QueryBuilder = __sdk::QueryBuilder;

    fn register_tables(cache: &mut __sdk::ClientCache<Self>) {
        tables::register(cache);
    }

    const ALL_TABLE_NAMES: &'static [&'static str] = &["adults", "fixed", "mail", "me", "person", "ping", "plain"];
}

macro_rules! in_module {
    ($($type:ty),* $(,)?) => {
        $(impl spacetimedb_sdk::__codegen::InModule for $type {
            type Module = crate::bindings::RemoteModule;
        })*
    };
}
pub(crate) use in_module;
