// A handle a table or view, got by a method of `connection.db`.
use super::{EventContext, Fixed, Mail, Person, Ping, Plain, RemoteModule, RemoteTables};
use spacetimedb_sdk::__codegen::{self as __sdk, CallbackId, TableHandle, UniqueConstraintHandle};
use spacetimedb_sdk::Identity;
use std::marker::PhantomData;

// The handle itself, and the method that gives it, in the database view and in the query builder.
macro_rules! handle {
    ($table:ident, $row:ident, $handle:ident, $access:ident, $query:ident) => {
        pub struct $handle<'ctx> {
            imp: TableHandle<$row>,
            context: PhantomData<&'ctx RemoteTables>,
        }
        pub trait $access {
            fn $table(&self) -> $handle<'_>;
        }
        impl $access for RemoteTables {
            fn $table(&self) -> $handle<'_> {
                $handle { imp: self.imp.get_table::<$row>(stringify!($table)), context: PhantomData }
            }
        }
        pub trait $query {
            fn $table(&self) -> __sdk::__query_builder::Table<$row>;
        }
        impl $query for __sdk::QueryTableAccessor {
            fn $table(&self) -> __sdk::__query_builder::Table<$row> {
                __sdk::__query_builder::Table::new(stringify!($table))
            }
        }
    };
}

// What tables, views and event tables have in common, for the impl of either trait.
macro_rules! rows_and_inserts {
    ($row:ident) => {
        type Row = $row;
        type EventContext = EventContext;
        type InsertCallbackId = CallbackId;

        fn count(&self) -> u64 {
            self.imp.count()
        }
        fn iter(&self) -> impl Iterator<Item = $row> + '_ {
            self.imp.iter()
        }
        fn on_insert(&self, callback: impl FnMut(&EventContext, &$row) + Send + 'static) -> CallbackId {
            self.imp.on_insert(Box::new(callback))
        }
        fn remove_on_insert(&self, callback: CallbackId) {
            self.imp.remove_on_insert(callback)
        }
    };
}

macro_rules! table {
    ($table:ident, $row:ident, $handle:ident, $access:ident, $query:ident) => {
        handle!($table, $row, $handle, $access, $query);
        impl __sdk::Table for $handle<'_> {
            rows_and_inserts!($row);
            type DeleteCallbackId = CallbackId;

            fn on_delete(&self, callback: impl FnMut(&EventContext, &$row) + Send + 'static) -> CallbackId {
                self.imp.on_delete(Box::new(callback))
            }
            fn remove_on_delete(&self, callback: CallbackId) {
                self.imp.remove_on_delete(callback)
            }
        }
    };
}

macro_rules! event_table {
    ($table:ident, $row:ident, $handle:ident, $access:ident, $query:ident) => {
        handle!($table, $row, $handle, $access, $query);
        impl __sdk::EventTable for $handle<'_> {
            rows_and_inserts!($row);
        }
    };
}

macro_rules! primary_key {
    ($handle:ident, $row:ident) => {
        impl __sdk::TableWithPrimaryKey for $handle<'_> {
            type UpdateCallbackId = CallbackId;

            fn on_update(&self, callback: impl FnMut(&EventContext, &$row, &$row) + Send + 'static) -> CallbackId {
                self.imp.on_update(Box::new(callback))
            }
            fn remove_on_update(&self, callback: CallbackId) {
                self.imp.remove_on_update(callback)
            }
        }
    };
}

macro_rules! unique {
    ($handle:ident, $row:ident, $column:ident : $type:ty, $unique:ident) => {
        pub struct $unique<'ctx> {
            imp: UniqueConstraintHandle<$row, $type>,
            context: PhantomData<&'ctx RemoteTables>,
        }
        impl<'ctx> $handle<'ctx> {
            pub fn $column(&self) -> $unique<'ctx> {
                $unique {
                    imp: self.imp.get_unique_constraint::<$type>(stringify!($column)),
                    context: PhantomData,
                }
            }
        }
        impl $unique<'_> {
            pub fn find(&self, value: &$type) -> Option<$row> {
                self.imp.find(value)
            }
        }
    };
}

table!(adults, Person, AdultsTableHandle, AdultsTableAccess, AdultsQueryTableAccess);
table!(fixed, Fixed, FixedTableHandle, FixedTableAccess, FixedQueryTableAccess);
table!(mail, Mail, MailTableHandle, MailTableAccess, MailQueryTableAccess);
table!(me, Person, MeTableHandle, MeTableAccess, MeQueryTableAccess);
table!(person, Person, PersonTableHandle, PersonTableAccess, PersonQueryTableAccess);
table!(plain, Plain, PlainTableHandle, PlainTableAccess, PlainQueryTableAccess);
event_table!(ping, Ping, PingTableHandle, PingTableAccess, PingQueryTableAccess);

primary_key!(FixedTableHandle, Fixed);
primary_key!(MailTableHandle, Mail);
primary_key!(PersonTableHandle, Person);

unique!(FixedTableHandle, Fixed, id: u32, FixedIdUnique);
unique!(MailTableHandle, Mail, id: u64, MailIdUnique);
unique!(PersonTableHandle, Person, identity: Identity, PersonIdentityUnique);
unique!(PersonTableHandle, Person, name: String, PersonNameUnique);

pub(super) fn register(cache: &mut __sdk::ClientCache<RemoteModule>) {
    cache.get_or_make_table::<Person>("adults");
    cache.get_or_make_table::<Fixed>("fixed").add_unique_constraint::<u32>("id", |row| &row.id);
    cache.get_or_make_table::<Mail>("mail").add_unique_constraint::<u64>("id", |row| &row.id);
    cache.get_or_make_table::<Person>("me");
    let person = cache.get_or_make_table::<Person>("person");
    person.add_unique_constraint::<Identity>("identity", |row| &row.identity);
    person.add_unique_constraint::<String>("name", |row| &row.name);
    cache.get_or_make_table::<Ping>("ping");
    cache.get_or_make_table::<Plain>("plain");
}
