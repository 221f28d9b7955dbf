// The calls: each reducer with and without a callback for its outcome, and the procedures.
use super::{in_module, ProcedureEventContext, ReducerEventContext, RemoteProcedures, RemoteReducers};
use spacetimedb_sdk::__codegen::{self as __sdk, InternalError, __lib, __sats};
use spacetimedb_sdk::Identity;

/// A reducer's own answer within, the host's failure to run it without.
pub type Outcome = Result<Result<(), String>, InternalError>;

macro_rules! reducers {
    ($($variant:ident $args:ident $call:ident $call_then:ident ( $($field:ident : $type:ty),* );)*) => {
        $(
            #[derive(__lib::ser::Serialize, __lib::de::Deserialize, Clone, PartialEq, Debug)]
            #[sats(crate = __lib)]
            pub struct $args {
                $(pub $field: $type,)*
            }
            in_module!($args);
            impl From<$args> for Reducer {
                fn from(_args: $args) -> Self {
                    Self::$variant { $($field: _args.$field,)* }
                }
            }
        )*

        #[derive(Clone, PartialEq, Debug)]
        pub enum Reducer {
            $($variant { $($field: $type,)* },)*
        }
        in_module!(Reducer);

        impl __sdk::Reducer for Reducer {
            fn reducer_name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => stringify!($call),)*
                }
            }
            fn args_bsatn(&self) -> Result<Vec<u8>, __sats::bsatn::EncodeError> {
                match self.clone() {
                    $(Self::$variant { $($field),* } => __sats::bsatn::to_vec(&$args { $($field),* }),)*
                }
            }
        }

        impl RemoteReducers {
            $(
                pub fn $call(&self, $($field: $type),*) -> __sdk::Result<()> {
                    self.$call_then($($field,)* |_, _| {})
                }
                pub fn $call_then(
                    &self,
                    $($field: $type,)*
                    callback: impl FnOnce(&ReducerEventContext, Outcome) + Send + 'static,
                ) -> __sdk::Result<()> {
                    self.imp.invoke_reducer_with_callback($args { $($field),* }, callback)
                }
            )*
        }
    };
}

reducers! {
    AddPlain AddPlainArgs add_plain add_plain_then (n: u32, s: String);
    DeleteX DeleteXArgs delete_x delete_x_then (low: i32, high: i32);
    Fail FailArgs fail fail_then (how: u8);
    FillFixed FillFixedArgs fill_fixed fill_fixed_then (from: u32, count: u32);
    InsertThenFail InsertThenFailArgs insert_then_fail insert_then_fail_then ();
    MoveFixed MoveFixedArgs move_fixed move_fixed_then (id: u32, x: i32, y: i32);
    Register RegisterArgs register register_then (name: String, age: u8);
    SendMail SendMailArgs send_mail send_mail_then (to: Identity, body: String);
    SendPing SendPingArgs send_ping send_ping_then (n: u32);
    Unregister UnregisterArgs unregister unregister_then ();
}

macro_rules! procedures {
    ($($args:ident $call_then:ident $name:literal ( $($field:ident : $type:ty),* ) -> $answer:ty;)*) => {
        $(
            #[derive(__lib::ser::Serialize, __lib::de::Deserialize, Clone, PartialEq, Debug)]
            #[sats(crate = __lib)]
            struct $args {
                $($field: $type,)*
            }
            in_module!($args);
        )*
        impl RemoteProcedures {
            $(
                pub fn $call_then(
                    &self,
                    $($field: $type,)*
                    callback: impl FnOnce(&ProcedureEventContext, Result<$answer, InternalError>) + Send + 'static,
                ) {
                    self.imp.invoke_procedure_with_callback::<_, $answer>($name, $args { $($field),* }, callback)
                }
            )*
        }
    };
}

procedures! {
    CountPlainArgs count_plain_then "count_plain" () -> u64;
    SumArgs sum_then "sum" (a: u32, b: u32) -> u64;
}
