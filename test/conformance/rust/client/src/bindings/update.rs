// From messages of the server to typed rows, and from there to the cache and the callbacks. A table that is not in the
// list breaks the connection, as in every generated client: a server must not mention it.
use super::{in_module, EventContext, Fixed, Mail, Person, Ping, Plain, RemoteModule};
use spacetimedb_sdk::__codegen::{self as __sdk, InternalError, __ws};
use std::marker::PhantomData;

macro_rules! updates {
    (rows { $($table:ident : $row:ident $(by $key:ident)?),* $(,)? } events { $($event:ident : $event_row:ident),* $(,)? }) => {
        #[derive(Default, Debug)]
        pub struct DbUpdate {
            $($table: __sdk::TableUpdate<$row>,)*
            $($event: __sdk::TableUpdate<$event_row>,)*
        }

        #[derive(Default)]
        pub struct AppliedDiff<'r> {
            $($table: __sdk::TableAppliedDiff<'r, $row>,)*
            $($event: __sdk::TableAppliedDiff<'r, $event_row>,)*
            lifetime: PhantomData<&'r ()>,
        }

        impl TryFrom<__ws::v2::TransactionUpdate> for DbUpdate {
            type Error = __sdk::Error;
            fn try_from(raw: __ws::v2::TransactionUpdate) -> Result<Self, Self::Error> {
                let mut update = DbUpdate::default();
                for table in __sdk::transaction_update_iter_table_updates(raw) {
                    match &table.table_name[..] {
                        $(stringify!($table) => update.$table.append(__sdk::TableUpdate::parse_table_update(table)?),)*
                        $(stringify!($event) => update.$event.append(__sdk::TableUpdate::parse_table_update(table)?),)*
                        other => return Err(InternalError::unknown_name("table", other, "DatabaseUpdate").into()),
                    }
                }
                Ok(update)
            }
        }

        impl __sdk::DbUpdate for DbUpdate {
            fn apply_to_client_cache(&self, cache: &mut __sdk::ClientCache<RemoteModule>) -> AppliedDiff<'_> {
                AppliedDiff {
                    $($table: cache.apply_diff_to_table::<$row>(stringify!($table), &self.$table)
                        $(.with_updates_by_pk(|row| &row.$key))?,)*
                    $($event: self.$event.into_event_diff(),)*
                    lifetime: PhantomData,
                }
            }
            fn parse_initial_rows(raw: __ws::v2::QueryRows) -> __sdk::Result<Self> {
                let mut update = DbUpdate::default();
                for rows in raw.tables {
                    match &rows.table[..] {
                        $(stringify!($table) => update.$table.append(__sdk::parse_row_list_as_inserts(rows.rows)?),)*
                        $(stringify!($event) => update.$event.append(__sdk::parse_row_list_as_inserts(rows.rows)?),)*
                        other => return Err(InternalError::unknown_name("table", other, "QueryRows").into()),
                    }
                }
                Ok(update)
            }
            fn parse_unsubscribe_rows(raw: __ws::v2::QueryRows) -> __sdk::Result<Self> {
                let mut update = DbUpdate::default();
                for rows in raw.tables {
                    match &rows.table[..] {
                        $(stringify!($table) => update.$table.append(__sdk::parse_row_list_as_deletes(rows.rows)?),)*
                        $(stringify!($event) => update.$event.append(__sdk::parse_row_list_as_deletes(rows.rows)?),)*
                        other => return Err(InternalError::unknown_name("table", other, "QueryRows").into()),
                    }
                }
                Ok(update)
            }
        }

        impl<'r> __sdk::AppliedDiff<'r> for AppliedDiff<'r> {
            fn invoke_row_callbacks(&self, event: &EventContext, callbacks: &mut __sdk::DbCallbacks<RemoteModule>) {
                $(callbacks.invoke_table_row_callbacks::<$row>(stringify!($table), &self.$table, event);)*
                $(callbacks.invoke_table_row_callbacks::<$event_row>(stringify!($event), &self.$event, event);)*
            }
        }
    };
}

updates! {
    rows {
        adults: Person,
        fixed: Fixed by id,
        mail: Mail by id,
        me: Person,
        person: Person by identity,
        plain: Plain,
    }
    events { ping: Ping }
}
in_module!(DbUpdate, AppliedDiff<'_>);
