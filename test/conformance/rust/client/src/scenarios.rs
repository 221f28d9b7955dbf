// What is tried, in this order, on one server; later scenarios find the rows of earlier ones and look only at their own.
use crate::bindings::*;
use crate::client::{Answer, Client, Options, Record};
use crate::server::Server;
use spacetimedb_sdk::{
    Compression, DbContext, Event, EventTable, Status, SubscriptionHandle as _, Table, TableWithPrimaryKey,
};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub type Scenario = fn(&mut Server);

pub const ALL: &[(&str, Scenario)] = &[
    ("connects anonymously; with the token, the same user again", same_user_again),
    ("a token that is none and a database that is none are refused", refused_connections),
    ("inserts, updates and deletes arrive in order, filtered by WHERE", changes_in_order),
    ("callbacks learn what caused a change", causes_of_changes),
    ("a failing reducer tells its caller, and only its caller", failing_reducers),
    ("a query that is wrong ends its own subscription, not the connection", wrong_queries),
    ("unsubscribing empties the cache and stops updates", unsubscribing),
    ("a row in two subscriptions stays until both are gone", overlapping_subscriptions),
    ("the query builder's SQL is understood", query_builder),
    ("event tables deliver once and store nothing", event_tables),
    ("views follow their tables", views),
    ("visibility filters hide rows", visibility_filters),
    ("procedures return values", procedures),
    ("calls and subscriptions from within callbacks", work_in_callbacks),
    ("thousands of rows arrive whole under every compression", thousands_of_rows),
    ("a thousand calls at once are all answered, in order", pipelined_calls),
    ("reads that are not confirmed are answered too, in order", unconfirmed_reads),
    ("whatever was confirmed survives SIGKILL", survives_kill),
];

fn same_user_again(server: &mut Server) {
    let first = Client::connect(server);
    assert!(first.identity.to_hex().starts_with("c200"), "{}", first.identity);
    assert_eq!(first.token.split('.').count(), 3);
    assert_eq!(first.connection.try_identity(), Some(first.identity));
    let (identity, token) = (first.identity, first.token.clone());
    let first_connection = first.connection.connection_id();
    first.disconnect();
    let second = Client::connect_with(server, Options { token: Some(&token), ..Options::default() }).unwrap();
    assert_eq!(second.identity, identity);
    assert_eq!(second.token, token);
    assert_ne!(second.connection.connection_id(), first_connection);
    let third = Client::connect(server);
    assert_ne!(third.identity, identity);
    second.disconnect();
    third.disconnect();
}

fn refused_connections(server: &mut Server) {
    let forged = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
    let error = Client::connect_with(server, Options { token: Some(forged), ..Options::default() }).err();
    assert!(error.as_ref().is_some_and(|error| error.contains("401")), "{error:?}");
    let error = Client::connect_with(server, Options { database: Some("nothing-here"), ..Options::default() }).err();
    assert!(error.as_ref().is_some_and(|error| error.contains("404")), "{error:?}");
}

fn changes_in_order(server: &mut Server) {
    let writer = Client::connect(server);
    let reader = Client::connect(server);
    let changes = Record::new();
    let (inserts, updates, deletes) = (changes.clone(), changes.clone(), changes.clone());
    reader.connection.db.fixed().on_insert(move |_, row| inserts.push(format!("insert {} {}", row.id, row.x)));
    reader.connection.db.fixed().on_update(move |_, old, row| updates.push(format!("update {} {} {}", row.id, old.x, row.x)));
    reader.connection.db.fixed().on_delete(move |_, row| deletes.push(format!("delete {} {}", row.id, row.x)));
    let handle = reader.subscribe(&["SELECT * FROM fixed WHERE x < 10"]).unwrap();
    assert!(handle.is_active());
    assert_eq!(reader.connection.db.fixed().count(), 0);

    assert_eq!(writer.call(|r, done| r.fill_fixed_then(5, 10, done)), Answer::Ok); // x = 5 .. 14: five match
    reader.until("five inserts", || changes.len() == 5);
    let mut first = changes.take();
    first.sort();
    assert_eq!(first, ["insert 5 5", "insert 6 6", "insert 7 7", "insert 8 8", "insert 9 9"]);

    assert_eq!(writer.call(|r, done| r.move_fixed_then(7, 3, 1, done)), Answer::Ok); // stays inside
    assert_eq!(writer.call(|r, done| r.move_fixed_then(8, 30, 1, done)), Answer::Ok); // leaves
    assert_eq!(writer.call(|r, done| r.move_fixed_then(12, 1, 1, done)), Answer::Ok); // enters
    assert_eq!(writer.call(|r, done| r.move_fixed_then(13, 40, 1, done)), Answer::Ok); // stays outside
    assert_eq!(writer.call(|r, done| r.delete_x_then(5, 6, done)), Answer::Ok); // id 5
    reader.until("four changes", || changes.len() == 4);
    assert_eq!(changes.take(), ["update 7 7 3", "delete 8 8", "insert 12 1", "delete 5 5"]);

    let mut rows: Vec<(u32, i32)> = reader.connection.db.fixed().iter().map(|row| (row.id, row.x)).collect();
    rows.sort();
    assert_eq!(rows, [(6, 6), (7, 3), (9, 9), (12, 1)]);
    assert_eq!(reader.connection.db.fixed().id().find(&7).map(|row| (row.x, row.y, row.tag)), Some((3, 1, 0)));
    assert_eq!(reader.connection.db.fixed().id().find(&8), None);
    assert_eq!(server.count("SELECT COUNT(*) AS n FROM fixed WHERE x < 10"), 4);
    writer.disconnect();
    reader.disconnect();
}

fn causes_of_changes(server: &mut Server) {
    let cause = |event: &Event<Reducer>| match event {
        Event::Reducer(own) => format!("own {:?} {:?}", own.reducer, own.status),
        Event::Transaction => "transaction".to_string(),
        Event::SubscribeApplied => "subscribed".to_string(),
        Event::UnsubscribeApplied => "unsubscribed".to_string(),
        other => format!("{other:?}"),
    };
    let (own, other) = (Client::connect(server), Client::connect(server));
    assert_eq!(other.call(|r, done| r.add_plain_then(700, "before".into(), done)), Answer::Ok);
    let causes = Record::new();
    let (inserts, deletes) = (causes.clone(), causes.clone());
    own.connection.db.plain().on_insert(move |context, row| inserts.push((row.n, cause(&context.event))));
    own.connection.db.plain().on_delete(move |context, row| deletes.push((row.n, cause(&context.event))));
    let handle = own.subscribe(&["SELECT * FROM plain WHERE n >= 700 AND n < 703"]).unwrap();
    assert_eq!(own.call(|r, done| r.add_plain_then(701, "own".into(), done)), Answer::Ok);
    assert_eq!(other.call(|r, done| r.add_plain_then(702, "other".into(), done)), Answer::Ok);
    own.until("three rows", || causes.len() == 3);
    let call = r#"own AddPlain { n: 701, s: "own" } Committed"#;
    let expected = [(700, "subscribed"), (701, call), (702, "transaction")].map(|(n, text)| (n, text.to_string()));
    assert_eq!(causes.take(), expected);
    own.unsubscribe(handle);
    let mut gone = causes.take();
    gone.sort();
    assert_eq!(gone, [700, 701, 702].map(|n| (n, "unsubscribed".to_string())));
    own.disconnect();
    other.disconnect();
}

fn failing_reducers(server: &mut Server) {
    let (caller, bystander) = (Client::connect(server), Client::connect(server));
    let seen = Record::new();
    let rows = seen.clone();
    bystander.connection.db.plain().on_insert(move |_, row| rows.push(row.n));
    bystander.subscribe(&["SELECT * FROM plain WHERE n = 999 OR n = 710"]).unwrap();

    assert_eq!(caller.call(|r, done| r.fail_then(0, done)), Answer::Err("asked to fail".into()));
    let Answer::Internal(text) = caller.call(|r, done| r.fail_then(1, done)) else { panic!("a panic is internal") };
    assert_eq!(text, "The instance encountered a fatal error.");
    assert_eq!(caller.call(|r, done| r.insert_then_fail_then(done)), Answer::Err("rolled back".into()));
    assert_eq!(caller.call(|r, done| r.move_fixed_then(4_000_000, 0, 0, done)), Answer::Err("no fixed row 4000000".into()));

    let statuses = Record::new();
    for how in 0..2 {
        let ret_status = statuses.clone();
        let done = move |context: &ReducerEventContext, _: Outcome| ret_status.push(context.event.status.clone());
        caller.connection.reducers.fail_then(how, done).unwrap();
    }
    caller.until("two statuses", || statuses.len() == 2);
    let statuses = statuses.take();
    assert!(matches!(&statuses[0], Status::Err(text) if text == "asked to fail"), "{statuses:?}");
    assert!(matches!(&statuses[1], Status::Panic(_)), "{statuses:?}");

    assert_eq!(caller.call(|r, done| r.add_plain_then(710, "still alive".into(), done)), Answer::Ok);
    bystander.until("the row after the failures", || seen.len() > 0);
    assert_eq!(seen.take(), [710]);
    assert_eq!(server.count("SELECT COUNT(*) AS n FROM plain WHERE n = 999"), 0);
    caller.disconnect();
    bystander.disconnect();
}

fn wrong_queries(server: &mut Server) {
    let client = Client::connect(server);
    client.subscribe(&["SELECT * FROM plain WHERE n = 720"]).unwrap();
    let fails_with = |query: &str, word: &str| {
        let error = client.subscribe(&[query]).err().unwrap_or_else(|| panic!("{query} was accepted"));
        assert!(error.contains(word), "{query}: {error}");
    };
    fails_with("SELECT * FROM nothing_like_it", "nothing_like_it");
    fails_with("SELECT * FROM secret", "secret");
    fails_with("SELECT * FROM plain WHERE missing = 1", "missing");
    fails_with("SELEKT 1", "SELEKT");
    let one_bad_of_two = client.subscribe(&["SELECT * FROM fixed", "SELECT * FROM nothing_like_it"]);
    assert!(one_bad_of_two.is_err());
    assert_eq!(client.connection.db.fixed().count(), 0);
    assert_eq!(client.call(|r, done| r.add_plain_then(720, "after the errors".into(), done)), Answer::Ok);
    assert_eq!(client.connection.db.plain().count(), 1);
    client.disconnect();
}

fn unsubscribing(server: &mut Server) {
    let client = Client::connect(server);
    assert_eq!(client.call(|r, done| r.add_plain_then(730, "seen".into(), done)), Answer::Ok);
    let handle = client.subscribe(&["SELECT * FROM plain"]).unwrap();
    assert!(client.connection.db.plain().count() > 0);
    client.unsubscribe(handle.clone());
    assert!(handle.unsubscribe().is_err(), "a second time is the caller's mistake");
    assert_eq!(client.connection.db.plain().count(), 0);
    assert_eq!(client.call(|r, done| r.add_plain_then(731, "unseen".into(), done)), Answer::Ok);
    assert_eq!(client.connection.db.plain().count(), 0);
    let again = client.subscribe(&["SELECT * FROM plain WHERE n = 731"]).unwrap();
    assert_eq!(client.connection.db.plain().count(), 1);
    assert!(again.is_active());
    client.disconnect();
}

fn overlapping_subscriptions(server: &mut Server) {
    let client = Client::connect(server);
    assert_eq!(client.call(|r, done| r.fill_fixed_then(200, 10, done)), Answer::Ok);
    let changes = Record::new();
    let (inserts, deletes) = (changes.clone(), changes.clone());
    client.connection.db.fixed().on_insert(move |_, row| inserts.push(("insert", row.id)));
    client.connection.db.fixed().on_delete(move |_, row| deletes.push(("delete", row.id)));
    let low = client.subscribe(&["SELECT * FROM fixed WHERE id >= 200 AND id < 206"]).unwrap();
    let high = client.subscribe(&["SELECT * FROM fixed WHERE id >= 204 AND id < 210"]).unwrap();
    assert_eq!((client.connection.db.fixed().count(), changes.take().len()), (10, 10));
    client.unsubscribe(low);
    let mut gone = changes.take();
    gone.sort();
    assert_eq!(gone, [200, 201, 202, 203].map(|id| ("delete", id)));
    // Still in `high`: an update, told once.
    let updates = Record::new();
    let ret_updates = updates.clone();
    client.connection.db.fixed().on_update(move |_, old, row| ret_updates.push((row.id, old.x, row.x)));
    assert_eq!(client.call(|r, done| r.move_fixed_then(205, 77, 0, done)), Answer::Ok);
    assert_eq!((updates.take(), changes.take().len()), (vec![(205, 5, 77)], 0));
    client.unsubscribe(high);
    assert_eq!((client.connection.db.fixed().count(), changes.take().len()), (0, 6));
    client.disconnect();
}

fn query_builder(server: &mut Server) {
    let client = Client::connect(server);
    assert_eq!(client.call(|r, done| r.fill_fixed_then(300, 20, done)), Answer::Ok);
    assert_eq!(client.call(|r, done| r.register_then("it's a \"name\"".into(), 33, done)), Answer::Ok);
    let identity = client.identity;
    let (sender, receiver) = channel();
    let failed = sender.clone();
    client
        .connection
        .subscription_builder()
        .on_applied(move |_| sender.send(String::new()).unwrap())
        .on_error(move |_, error| failed.send(error.to_string()).unwrap())
        .add_query(|q| q.from.fixed().r#where(|f| f.id.gte(300u32)).r#where(|f| f.id.lt(310u32).and(f.x.ne(3))))
        .add_query(|q| q.from.fixed().filter(|f| f.id.eq(315u32).or(f.y.eq(316))))
        .add_query(move |q| q.from.person().r#where(move |p| p.identity.eq(identity).and(p.vip.eq(false))))
        .add_query(|q| q.from.person().r#where(|p| p.name.eq("it's a \"name\"".to_string())))
        .add_query(|q| q.from.mail().left_semijoin(q.from.person(), |m, p| m.to.eq(p.identity)))
        .subscribe();
    let mut answer = None;
    client.until("the subscription's answer", || {
        answer = receiver.try_recv().ok();
        answer.is_some()
    });
    assert_eq!(answer.as_deref(), Some(""));
    let mut ids: Vec<u32> = client.connection.db.fixed().iter().map(|row| row.id).collect();
    ids.sort();
    assert_eq!(ids, [300, 301, 302, 304, 305, 306, 307, 308, 309, 315, 316]);
    let person = client.connection.db.person().identity().find(&identity).expect("myself");
    assert_eq!((person.name.as_str(), person.age), ("it's a \"name\"", 33));
    assert_eq!(client.connection.db.person().name().find(&person.name), Some(person));
    assert_eq!(client.call(|r, done| r.unregister_then(done)), Answer::Ok);
    assert_eq!(client.connection.db.person().count(), 0);
    client.disconnect();
}

fn event_tables(server: &mut Server) {
    let (sender, listener, deaf) = (Client::connect(server), Client::connect(server), Client::connect(server));
    let (heard, unheard) = (Record::new(), Record::new());
    let (hear, not_hear) = (heard.clone(), unheard.clone());
    listener.connection.db.ping().on_insert(move |_, row| hear.push((row.n, row.note.clone())));
    deaf.connection.db.ping().on_insert(move |_, row| not_hear.push(row.n));
    listener.subscribe(&["SELECT * FROM ping"]).unwrap();
    assert_eq!(sender.call(|r, done| r.send_ping_then(3, done)), Answer::Ok);
    listener.until("three events", || heard.len() == 3);
    let mut events = heard.take();
    events.sort();
    assert_eq!(events, [(0, "".to_string()), (1, "ping".to_string()), (2, "pingping".to_string())]);
    assert_eq!(listener.connection.db.ping().count(), 0);
    assert_eq!(server.count("SELECT COUNT(*) AS n FROM ping"), 0);
    listener.subscribe(&["SELECT * FROM ping WHERE n = 1", "SELECT * FROM plain WHERE n = 740"]).unwrap();
    assert_eq!(heard.len(), 0, "events of the past stay there");
    assert_eq!(deaf.call(|r, done| r.add_plain_then(740, "".into(), done)), Answer::Ok);
    assert_eq!(unheard.len(), 0);
    for client in [sender, listener, deaf] {
        client.disconnect();
    }
}

fn views(server: &mut Server) {
    let (ann, bob) = (Client::connect(server), Client::connect(server));
    for client in [&ann, &bob] {
        client.subscribe(&["SELECT * FROM me", "SELECT * FROM adults"]).unwrap();
    }
    let adults = |client: &Client| {
        let mut names: Vec<String> = client.connection.db.adults().iter().map(|row| row.name).collect();
        names.sort();
        names.join(" ")
    };
    let me = |client: &Client| client.connection.db.me().iter().map(|row| row.name).collect::<Vec<_>>().join(" ");
    assert_eq!((me(&ann), adults(&ann)), ("".into(), "".into()));
    assert_eq!(ann.call(|r, done| r.register_then("ann".into(), 41, done)), Answer::Ok);
    assert_eq!((me(&ann), adults(&ann)), ("ann".into(), "ann".into()));
    assert_eq!(bob.call(|r, done| r.register_then("bob".into(), 17, done)), Answer::Ok);
    bob.until("bob sees ann and himself", || adults(&bob) == "ann" && me(&bob) == "bob");
    assert_eq!(ann.call(|r, done| r.unregister_then(done)), Answer::Ok);
    assert_eq!((me(&ann), adults(&ann)), ("".into(), "".into()));
    bob.until("ann has left", || adults(&bob).is_empty());
    assert_eq!(bob.call(|r, done| r.unregister_then(done)), Answer::Ok);
    ann.disconnect();
    bob.disconnect();
}

fn visibility_filters(server: &mut Server) {
    let (carol, bob) = (Client::connect(server), Client::connect(server));
    assert_eq!(carol.call(|r, done| r.register_then("carol".into(), 41, done)), Answer::Ok);
    let Answer::Err(text) = bob.call(|r, done| r.register_then("carol".into(), 1, done)) else { panic!("twice") };
    assert_eq!(text, "insertion error on table `person`:duplicate unique column");
    for client in [&carol, &bob] {
        client.subscribe(&["SELECT * FROM mail", "SELECT * FROM person WHERE name = 'carol'"]).unwrap();
        assert_eq!(client.connection.db.person().count(), 1);
    }
    let to_bob = bob.identity;
    assert_eq!(carol.call(|r, done| r.send_mail_then(to_bob, "hi".into(), done)), Answer::Ok);
    bob.until("mail", || bob.connection.db.mail().count() == 1);
    let mail = bob.connection.db.mail().iter().next().unwrap();
    assert_eq!((mail.to, mail.body.as_str()), (bob.identity, "hi"));
    assert_eq!(bob.connection.db.mail().id().find(&mail.id), Some(mail));
    assert_eq!(carol.call(|r, done| r.unregister_then(done)), Answer::Ok);
    assert_eq!(carol.connection.db.mail().count(), 0);
    bob.until("carol has left", || bob.connection.db.person().count() == 0);
    let late = Client::connect_with(server, Options { token: Some(&bob.token), ..Options::default() }).unwrap();
    late.subscribe(&["SELECT * FROM mail"]).unwrap();
    assert_eq!(late.connection.db.mail().count(), 1);
    for client in [carol, bob, late] {
        client.disconnect();
    }
}

fn procedures(server: &mut Server) {
    let client = Client::connect(server);
    let answers = Record::new();
    let (sum, count) = (answers.clone(), answers.clone());
    client.connection.procedures.sum_then(u32::MAX, 2, move |_, answer| sum.push(answer.map_err(|e| e.to_string())));
    client.until("the sum", || answers.len() == 1);
    client.connection.procedures.count_plain_then(move |_, answer| count.push(answer.map_err(|e| e.to_string())));
    client.until("the count", || answers.len() == 2);
    let rows = server.count("SELECT COUNT(*) AS n FROM plain");
    assert_eq!(answers.take(), [Ok(u32::MAX as u64 + 2), Ok(rows)]);
    client.disconnect();
}

fn work_in_callbacks(server: &mut Server) {
    let client = Client::connect(server);
    let steps = Record::new();
    let (applied, row, answer, nested) = (steps.clone(), steps.clone(), steps.clone(), steps.clone());
    client.connection.db.plain().on_insert(move |_, plain| row.push(format!("row {}", plain.n)));
    client
        .connection
        .subscription_builder()
        .on_applied(move |context| {
            applied.push("applied".to_string());
            let done = move |context: &ReducerEventContext, outcome: Outcome| {
                answer.push(format!("answer {}", context.db.plain().count()));
                assert_eq!(Answer::from(outcome), Answer::Ok);
                context
                    .subscription_builder()
                    .on_applied(move |context| nested.push(format!("nested {}", context.db.plain().count())))
                    .subscribe("SELECT * FROM plain WHERE n = 751");
                context.reducers.add_plain(751, "third".into()).unwrap();
            };
            context.reducers.add_plain_then(750, "second".into(), done).unwrap();
        })
        .subscribe("SELECT * FROM plain WHERE n = 750");
    client.until("five steps", || steps.len() == 5);
    assert_eq!(steps.take(), ["applied", "row 750", "answer 1", "nested 1", "row 751"]);
    client.disconnect();
}

fn thousands_of_rows(server: &mut Server) {
    let writer = Client::connect(server);
    assert_eq!(writer.call(|r, done| r.fill_fixed_then(100_000, 5000, done)), Answer::Ok);
    for (round, compression) in [Compression::None, Compression::Gzip, Compression::Brotli].into_iter().enumerate() {
        let options = Options { compression: Some(compression), ..Options::default() };
        let client = Client::connect_with(server, options).unwrap();
        client.subscribe(&["SELECT * FROM fixed WHERE id >= 100000"]).unwrap();
        let rows: Vec<Fixed> = client.connection.db.fixed().iter().collect();
        assert_eq!(rows.len(), 5000 * (round + 1));
        for row in rows {
            assert_eq!((row.x, row.y, row.tag), ((row.id % 100) as i32, row.id as i32, (row.id % 7) as u16));
        }
        let from = 100_000 + 5000 * (round as u32 + 1); // once more, as a transaction update
        assert_eq!(writer.call(|r, done| r.fill_fixed_then(from, 5000, done)), Answer::Ok);
        client.until("another 5000", || client.connection.db.fixed().count() == 5000 * (round as u64 + 2));
        client.disconnect();
    }
    writer.disconnect();
}

fn pipelined_calls(server: &mut Server) {
    let client = Client::connect(server);
    client.subscribe(&["SELECT * FROM plain WHERE n >= 10000 AND n < 11000"]).unwrap();
    let order = Record::new();
    let rows = order.clone();
    client.connection.db.plain().on_insert(move |_, row| rows.push(('r', row.n)));
    for n in 10_000..11_000 {
        let answers = order.clone();
        let done = move |_: &ReducerEventContext, outcome: Outcome| {
            assert_eq!(Answer::from(outcome), Answer::Ok);
            answers.push(('a', n));
        };
        client.connection.reducers.add_plain_then(n, "bulk".into(), done).unwrap();
    }
    client.until("a thousand rows and answers", || order.len() == 2000);
    let expected: Vec<(char, u32)> = (10_000..11_000).flat_map(|n| [('r', n), ('a', n)]).collect();
    assert_eq!(order.take(), expected);
    client.disconnect();
}

fn unconfirmed_reads(server: &mut Server) {
    for confirmed in [true, false] {
        let options = Options { confirmed: Some(confirmed), ..Options::default() };
        let client = Client::connect_with(server, options).unwrap();
        client.subscribe(&["SELECT * FROM fixed WHERE id = 400"]).unwrap();
        client.call(|r, done| r.fill_fixed_then(400, 1, done));
        let order = Record::new();
        for x in 0..200 {
            let answers = order.clone();
            let done = move |context: &ReducerEventContext, _: Outcome| {
                answers.push((x, context.db.fixed().id().find(&400).map(|row| row.x)));
            };
            client.connection.reducers.move_fixed_then(400, x, 0, done).unwrap();
        }
        client.until("all answers", || order.len() == 200);
        // Each answer comes when the cache shows exactly the state after its call.
        assert_eq!(order.take(), (0..200).map(|x| (x, Some(x))).collect::<Vec<_>>());
        assert_eq!(client.call(|r, done| r.delete_x_then(199, 200, done)), Answer::Ok);
        client.disconnect();
    }
}

const KILL_ROUNDS: u32 = 5;
const KILL_VALUES: u32 = 1_000_000; // values of one round
const KILL_BURST: u32 = 50;

fn survives_kill(server: &mut Server) {
    let mut seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("     seed {seed}");
    for round in 1..=KILL_ROUNDS {
        let client = Client::connect(server);
        client.subscribe(&["SELECT * FROM plain"]).unwrap();
        let base = round * KILL_VALUES;
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let enough = 100 + (seed >> 33) as u32 % 1500;
        let answered = Arc::new(Mutex::new(0));
        let mut sent = 0;
        client.until("some confirmed calls", || {
            let done = *answered.lock().unwrap();
            if done < enough && sent < done + 10 * KILL_BURST {
                for n in sent..sent + KILL_BURST {
                    let answered = answered.clone();
                    let ret_answered = move |_: &ReducerEventContext, outcome: Outcome| {
                        assert_eq!(Answer::from(outcome), Answer::Ok);
                        *answered.lock().unwrap() = n + 1;
                    };
                    client.connection.reducers.add_plain_then(base + n, "confirmed".into(), ret_answered).unwrap();
                }
                sent += KILL_BURST;
            }
            done >= enough
        });
        // Calls are still on their way: killed in the middle of them.
        std::thread::sleep(Duration::from_micros((seed >> 40) % 2000));
        server.kill();
        client.until("the end of the connection", || client.disconnected().is_some());
        let confirmed = *answered.lock().unwrap();
        server.start();
        let rows = server.sql(&format!("SELECT n FROM plain WHERE n >= {base} AND n < {}", base + KILL_VALUES));
        let mut stored: Vec<u64> = rows.iter().map(|row| row[0].as_u64().unwrap() - base as u64).collect();
        stored.sort();
        assert!(stored.len() >= confirmed as usize, "{} rows of {confirmed} confirmed", stored.len());
        assert_eq!(stored, (0..stored.len() as u64).collect::<Vec<_>>(), "a prefix of what was sent");
        let again = Client::connect_with(server, Options { token: Some(&client.token), ..Options::default() }).unwrap();
        assert_eq!(again.identity, client.identity);
        again.subscribe(&["SELECT * FROM plain"]).unwrap();
        assert!(again.connection.db.plain().count() >= stored.len() as u64);
        again.disconnect();
    }
}
