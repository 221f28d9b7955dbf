//! A module of our own in the published crate: what module_test.py publishes into our server and calls. One source for
//! every version of the crate beside it. Reducers that look something up leave what they found in the table `answer`.
use spacetimedb::{
    log, reducer, table, ConnectionId, Identity, ReducerContext, ScheduleAt, SpacetimeType, Table, TimeDuration, Timestamp,
};
use std::time::Duration;

#[derive(SpacetimeType, Clone, Debug, PartialEq)]
pub struct Place {
    aisle: u16,
    level: i8,
}

#[derive(SpacetimeType, Clone, Debug, PartialEq)]
pub enum State {
    Stored,
    Sent(Timestamp),
    Lost(String),
    Spread(Vec<Place>),
}

#[table(accessor = item, public)]
#[derive(Clone, Debug)]
pub struct Item {
    #[primary_key]
    #[auto_inc]
    id: u64,
    #[unique]
    sku: String,
    #[index(btree)]
    weight: u32,
    place: Place,
    state: State,
    note: Option<String>,
    price: f64,
    tags: Vec<String>,
}

#[table(accessor = stock, public, index(accessor = by_place, btree(columns = [aisle, level, amount])))]
#[derive(Clone)]
pub struct Stock {
    #[primary_key]
    id: u32,
    aisle: u16,
    level: i8,
    amount: u32,
}

#[table(accessor = counter)]
pub struct Counter {
    #[primary_key]
    #[auto_inc]
    id: u8,
    why: String,
}

#[table(accessor = visit, public)]
pub struct Visit {
    #[primary_key]
    who: Identity,
    came: u32,
    left: u32,
    last: Option<ConnectionId>,
}

#[table(accessor = answer, public)]
pub struct Answer {
    #[primary_key]
    name: String,
    value: String,
}

#[table(accessor = reminder, public, scheduled(remind))]
pub struct Reminder {
    #[primary_key]
    #[auto_inc]
    scheduled_id: u64,
    scheduled_at: ScheduleAt,
    text: String,
}

#[table(accessor = reminded, public)]
pub struct Reminded {
    #[primary_key]
    #[auto_inc]
    id: u64,
    text: String,
    by_database: bool,
    has_connection: bool,
}

fn answer(ctx: &ReducerContext, name: &str, value: impl ToString) {
    let name = name.to_string();
    ctx.db.answer().name().delete(&name);
    ctx.db.answer().insert(Answer { name, value: value.to_string() });
}

fn answer_ids(ctx: &ReducerContext, name: &str, ids: impl Iterator<Item = u32>) {
    answer(ctx, name, ids.map(|id| id.to_string()).collect::<Vec<_>>().join(" "));
}

// ---- lifecycle ----

#[reducer(init)]
pub fn init(ctx: &ReducerContext) {
    answer(ctx, "init by", ctx.sender());
    log::info!("ready");
}

#[reducer(client_connected)]
pub fn came(ctx: &ReducerContext) -> Result<(), String> {
    let who = ctx.sender();
    let last = ctx.connection_id();
    match ctx.db.visit().who().find(who) {
        Some(old) => ctx.db.visit().who().update(Visit { came: old.came + 1, last, ..old }),
        None => ctx.db.visit().insert(Visit { who, came: 1, left: 0, last }),
    };
    Ok(())
}

#[reducer(client_disconnected)]
pub fn left(ctx: &ReducerContext) {
    let Some(old) = ctx.db.visit().who().find(ctx.sender()) else { panic!("left without having come") };
    assert_eq!(old.last, ctx.connection_id());
    ctx.db.visit().who().update(Visit { left: old.left + 1, ..old });
}

// ---- items ----

/// The SKU is unique: the second time is an error that the reducer passes on.
#[reducer]
pub fn add(ctx: &ReducerContext, sku: String, weight: u32, aisle: u16, level: i8) -> Result<(), String> {
    let item = Item {
        id: 0,
        sku,
        weight,
        place: Place { aisle, level },
        state: State::Stored,
        note: None,
        price: weight as f64 / 4.0,
        tags: Vec::new(),
    };
    let added = ctx.db.item().try_insert(item).map_err(|error| error.to_string())?;
    log::info!("added {} as {}", added.sku, added.id);
    Ok(())
}

/// The same without asking first: a violation panics.
#[reducer]
pub fn add_or_panic(ctx: &ReducerContext, sku: String) {
    ctx.db.answer().insert(Answer { name: "must not stay".into(), value: String::new() });
    let place = Place { aisle: 0, level: 0 };
    let tags = Vec::new();
    ctx.db.item().insert(Item { id: 0, sku, weight: 0, place, state: State::Stored, note: None, price: 0.0, tags });
}

#[reducer]
pub fn change(ctx: &ReducerContext, sku: String, state: State, note: Option<String>, tags: Vec<String>) -> Result<(), String> {
    let item = ctx.db.item().sku().find(&sku).ok_or_else(|| format!("no item {sku}"))?;
    ctx.db.item().id().update(Item { state, note, tags, ..item });
    Ok(())
}

#[reducer]
pub fn rename(ctx: &ReducerContext, from: String, to: String) -> Result<(), String> {
    let item = ctx.db.item().sku().find(from).ok_or("no such item")?;
    ctx.db.item().id().update(Item { sku: to, ..item }); // panics if it is taken
    Ok(())
}

#[reducer]
pub fn remove(ctx: &ReducerContext, sku: String) -> Result<(), String> {
    let was_there = ctx.db.item().sku().delete(&sku);
    let again = ctx.db.item().sku().delete(&sku);
    assert!(!again);
    if was_there { Ok(()) } else { Err(format!("no item {sku}")) }
}

#[reducer]
pub fn weigh(ctx: &ReducerContext, low: u32, high: u32) {
    let weights = |items: &mut dyn Iterator<Item = Item>| {
        items.map(|item| item.weight.to_string()).collect::<Vec<_>>().join(" ")
    };
    let index = ctx.db.item().weight();
    answer(ctx, "weights exactly", weights(&mut index.filter(low)));
    answer(ctx, "weights between", weights(&mut index.filter(low..high)));
    answer(ctx, "weights through", weights(&mut index.filter(low..=high)));
    answer(ctx, "weights from", weights(&mut index.filter(low..)));
    answer(ctx, "weights below", weights(&mut index.filter(..high)));
    answer(ctx, "items", ctx.db.item().count());
    answer(ctx, "items seen", ctx.db.item().iter().count());
}

// ---- an index over three columns ----

#[reducer]
pub fn fill(ctx: &ReducerContext, aisles: u16, levels: i8, amounts: u32) {
    let mut id = 0;
    for aisle in 0..aisles {
        for level in -levels..levels {
            for amount in 0..amounts {
                ctx.db.stock().insert(Stock { id, aisle, level, amount });
                id += 1;
            }
        }
    }
}

#[reducer]
pub fn look(ctx: &ReducerContext, aisle: u16, level: i8, amount: u32) {
    let index = ctx.db.stock().by_place();
    answer_ids(ctx, "stock aisle", index.filter(aisle).map(|row| row.id));
    answer_ids(ctx, "stock aisles below", index.filter(..aisle).map(|row| row.id));
    answer_ids(ctx, "stock level", index.filter((aisle, level)).map(|row| row.id));
    answer_ids(ctx, "stock levels up to", index.filter((aisle, ..=level)).map(|row| row.id));
    answer_ids(ctx, "stock amount", index.filter((aisle, level, amount)).map(|row| row.id));
    answer_ids(ctx, "stock amounts from", index.filter((aisle, level, amount..)).map(|row| row.id));
    answer_ids(ctx, "stock crossed", index.filter((aisle, level, amount..0)).map(|row| row.id));
}

#[reducer]
pub fn clear(ctx: &ReducerContext, aisle: u16, level: i8) {
    let index = ctx.db.stock().by_place();
    answer(ctx, "cleared from", index.delete((aisle, level, 1u32..)));
    answer(ctx, "cleared rest", index.delete((aisle, level)));
    answer(ctx, "cleared row", ctx.db.stock().delete(Stock { id: 0, aisle: 0, level: -2, amount: 0 }));
    answer(ctx, "cleared other row", ctx.db.stock().delete(Stock { id: 1, aisle: 9, level: 9, amount: 9 }));
}

// ---- a sequence of its own type's size ----

#[reducer]
pub fn count_up(ctx: &ReducerContext, times: u32, fail: bool) -> Result<(), String> {
    let mut last = 0;
    for _ in 0..times {
        let row = Counter { id: 0, why: "counted".into() };
        last = ctx.db.counter().try_insert(row).map_err(|error| error.to_string())?.id;
        ctx.db.counter().id().delete(last);
    }
    answer(ctx, "last id", last);
    if fail { Err("as asked".into()) } else { Ok(()) }
}

#[reducer]
pub fn explicit_id(ctx: &ReducerContext, id: u8) -> Result<(), String> {
    let row = ctx.db.counter().try_insert(Counter { id, why: "explicit".into() }).map_err(|error| error.to_string())?;
    answer(ctx, "explicit id", row.id);
    Ok(())
}

// ---- the host ----

#[reducer]
pub fn log_all(ctx: &ReducerContext, word: String) {
    log::error!("{word} error");
    log::warn!("{word} warn");
    log::info!("{word} info");
    log::debug!("{word} debug");
    log::trace!("{word} trace");
    log::info!("{word} first line\nsecond \u{2713} \"quoted\" \\ line");
    log::info!(target: "elsewhere", "{word} target");
    log::info!("{word} long {}", "x".repeat(5000));
    let _measured = spacetimedb::log_stopwatch::LogStopwatch::new("measured");
    answer(ctx, "logged", word);
}

#[reducer]
pub fn fail(_ctx: &ReducerContext, text: String) -> Result<(), String> {
    Err(text)
}

#[reducer]
pub fn panics(ctx: &ReducerContext, text: String) {
    ctx.db.answer().insert(Answer { name: "must not stay".into(), value: String::new() });
    panic!("{text}");
}

#[reducer]
pub fn context(ctx: &ReducerContext) {
    answer(ctx, "sender", ctx.sender());
    answer(ctx, "database", ctx.database_identity());
    answer(ctx, "connection", ctx.connection_id().is_some());
    answer(ctx, "timestamp", ctx.timestamp.to_micros_since_unix_epoch());
    let (a, b): (u64, u64) = (ctx.random(), ctx.random());
    answer(ctx, "random", format!("{a} {b}"));
    let id = ctx.new_uuid_v7().map(|uuid| uuid.to_string()).unwrap_or_else(|error| error.to_string());
    answer(ctx, "uuid", id);
}

// ---- schedules ----

/// Runs when a row of `reminder` is due; nobody else may call it.
#[reducer]
pub fn remind(ctx: &ReducerContext, row: Reminder) -> Result<(), String> {
    if ctx.sender() != ctx.database_identity() {
        return Err("not the scheduler".into());
    }
    ctx.db.reminded().insert(Reminded {
        id: 0,
        text: row.text,
        by_database: ctx.sender() == ctx.database_identity(),
        has_connection: ctx.connection_id().is_some(),
    });
    Ok(())
}

#[reducer]
pub fn remind_in(ctx: &ReducerContext, millis: u64, text: String) {
    let at: ScheduleAt = (ctx.timestamp + TimeDuration::from_duration(Duration::from_millis(millis))).into();
    ctx.db.reminder().insert(Reminder { scheduled_id: 0, scheduled_at: at, text });
}

#[reducer]
pub fn remind_every(ctx: &ReducerContext, millis: u64, text: String) {
    let every: ScheduleAt = Duration::from_millis(millis).into();
    ctx.db.reminder().insert(Reminder { scheduled_id: 0, scheduled_at: every, text });
}

#[reducer]
pub fn forget(ctx: &ReducerContext, text: String) {
    let rows: Vec<Reminder> = ctx.db.reminder().iter().filter(|row| row.text == text).collect();
    for row in &rows {
        ctx.db.reminder().scheduled_id().delete(row.scheduled_id);
    }
    answer(ctx, "forgotten", rows.len());
}
