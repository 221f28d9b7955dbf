use spacetimedb::{ReducerContext, Table, reducer, table};

#[table(accessor = person, public)]
pub struct Person {
    name: String,
}

// Called when the module is first published.
#[reducer(init)]
pub fn init(_ctx: &ReducerContext) {}

// Called every time a client connects; an error here refuses it.
#[reducer(client_connected)]
pub fn identity_connected(_ctx: &ReducerContext) {}

// Called every time a client disconnects.
#[reducer(client_disconnected)]
pub fn identity_disconnected(_ctx: &ReducerContext) {}

#[reducer]
pub fn add(ctx: &ReducerContext, name: String) {
    ctx.db.person().insert(Person { name });
}

#[reducer]
pub fn say_hello(ctx: &ReducerContext) {
    for person in ctx.db.person().iter() {
        log::info!("Hello, {}!", person.name);
    }
    log::info!("Hello, World!");
}
