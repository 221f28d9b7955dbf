// The row types: a product with named fields each, and their columns for the query builder.
use super::in_module;
use spacetimedb_sdk::__codegen::{__lib, __query_builder as query};
use spacetimedb_sdk::Identity;

macro_rules! row {
    ($row:ident, $cols:ident, $ix_cols:ident,
     { $($field:ident : $type:ty),* }, indexed { $($indexed:ident : $indexed_type:ty),* }) => {
        #[derive(__lib::ser::Serialize, __lib::de::Deserialize, Clone, PartialEq, Debug)]
        #[sats(crate = __lib)]
        pub struct $row {
            $(pub $field: $type,)*
        }
        in_module!($row);

        pub struct $cols {
            $(pub $field: query::Col<$row, $type>,)*
        }
        impl query::HasCols for $row {
            type Cols = $cols;
            fn cols(_table: &'static str) -> $cols {
                $cols { $($field: query::Col::new(_table, stringify!($field)),)* }
            }
        }

        pub struct $ix_cols {
            $(pub $indexed: query::IxCol<$row, $indexed_type>,)*
        }
        impl query::HasIxCols for $row {
            type IxCols = $ix_cols;
            fn ix_cols(_table: &'static str) -> $ix_cols {
                $ix_cols { $($indexed: query::IxCol::new(_table, stringify!($indexed)),)* }
            }
        }
    };
}

row!(Fixed, FixedCols, FixedIxCols, { id: u32, x: i32, y: i32, tag: u16 }, indexed { id: u32, tag: u16 });
row!(Mail, MailCols, MailIxCols, { id: u64, to: Identity, body: String }, indexed { id: u64, to: Identity });
row!(Person, PersonCols, PersonIxCols, { identity: Identity, name: String, age: u8, vip: bool },
     indexed { identity: Identity, name: String, age: u8 });
row!(Ping, PingCols, PingIxCols, { n: u32, note: String }, indexed {});
row!(Plain, PlainCols, PlainIxCols, { n: u32, s: String }, indexed {});

// Not Ping: rows of an event table cannot be looked up.
impl query::CanBeLookupTable for Fixed {}
impl query::CanBeLookupTable for Mail {}
impl query::CanBeLookupTable for Person {}
impl query::CanBeLookupTable for Plain {}
