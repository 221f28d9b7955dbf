// sdk.test.mjs - the npm package spacetimedb, unmodified, against our server: connect, call, subscribe, reconnect, and a
// server killed in the middle of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DbConnection } from './bindings.mjs';
import { Server } from './server.mjs';

const server = new Server();
before(async () => { await server.start(); await server.publish(); });
after(async () => { await server.remove(); });

function within(promise, what, ms = 10000) {
  return Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms).unref()),
  ]);
}

function connect(token) {
  return within(new Promise((resolve, reject) => {
    const builder = DbConnection.builder().withUri(server.uri).withDatabaseName('kinds')
      .onConnect((connection, identity, newToken) => resolve({ connection, identity, token: newToken }))
      .onConnectError((_, error) => reject(error));
    (token ? builder.withToken(token) : builder).build();
  }), 'connect');
}

function subscribe(connection, ...queries) {
  return within(new Promise((resolve, reject) => {
    const handle = connection.subscriptionBuilder()
      .onApplied(() => resolve(handle))
      .onError(context => reject(context.event ?? new Error('subscription error')))
      .subscribe(queries);
  }), 'subscribe');
}

async function until(condition, what, ms = 10000) {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

test('connects anonymously, gets an identity and a token, and is the same user again with it', async () => {
  const first = await connect();
  assert.match(first.identity.toHexString(), /^c200[0-9a-f]{60}$/);
  assert.ok(first.token.split('.').length === 3);
  first.connection.disconnect();
  const second = await connect(first.token);
  assert.equal(second.identity.toHexString(), first.identity.toHexString());
  second.connection.disconnect();
});

test('inserts, updates and deletes arrive in order, filtered by WHERE', async () => {
  const writer = await connect();
  const reader = await connect();
  const events = [];
  reader.connection.db.fixed.onInsert((_, row) => events.push(['insert', row.id, row.x]));
  reader.connection.db.fixed.onUpdate((_, old, row) => events.push(['update', row.id, old.x, row.x]));
  reader.connection.db.fixed.onDelete((_, row) => events.push(['delete', row.id, row.x]));
  await subscribe(reader.connection, 'SELECT * FROM fixed WHERE x < 10');
  assert.equal([...reader.connection.db.fixed.iter()].length, 0);

  await writer.connection.reducers.fillFixed({ from: 5, count: 10 });       // x = 5 .. 14: five match
  await until(() => events.length === 5, 'five inserts');
  await writer.connection.reducers.moveFixed({ id: 7, x: 3, y: 1 });        // stays inside
  await writer.connection.reducers.moveFixed({ id: 8, x: 30, y: 1 });       // leaves
  await writer.connection.reducers.moveFixed({ id: 12, x: 1, y: 1 });       // enters
  await writer.connection.reducers.deleteX({ low: 5, high: 6 });            // id 5
  await until(() => events.length === 9, 'four changes');
  assert.deepEqual(events.slice(5), [
    ['update', 7, 7, 3], ['delete', 8, 8], ['insert', 12, 1], ['delete', 5, 5],
  ]);
  assert.deepEqual([...reader.connection.db.fixed.iter()].map(row => row.id).sort((a, b) => a - b), [6, 7, 9, 12]);
  assert.equal(reader.connection.db.fixed.id.find(7).x, 3);
  assert.deepEqual(await server.sql('SELECT COUNT(*) AS n FROM fixed WHERE x < 10'), [[4]]);
  writer.connection.disconnect();
  reader.connection.disconnect();
});

test('a failing reducer tells its caller, and only its caller', async () => {
  const { connection } = await connect();
  await assert.rejects(connection.reducers.fail({ how: 0 }), /asked to fail/);
  await assert.rejects(connection.reducers.fail({ how: 1 }), /fatal error/);
  await connection.reducers.addPlain({ n: 1, s: 'still alive' });
  connection.disconnect();
});

test('a query that is wrong ends its own subscription, not the connection', async () => {
  const { connection } = await connect();
  await assert.rejects(subscribe(connection, 'SELECT * FROM nothing_like_it'), /nothing_like_it/);
  await subscribe(connection, 'SELECT * FROM plain');
  await connection.reducers.addPlain({ n: 2, s: 'after the error' });
  await until(() => [...connection.db.plain.iter()].some(row => row.n === 2), 'the row');
  connection.disconnect();
});

test('unsubscribing empties the cache and stops updates', async () => {
  const { connection } = await connect();
  const handle = await subscribe(connection, 'SELECT * FROM plain');
  assert.ok([...connection.db.plain.iter()].length > 0);
  await within(new Promise(resolve => handle.unsubscribeThen(resolve)), 'unsubscribe');
  assert.equal([...connection.db.plain.iter()].length, 0);
  await connection.reducers.addPlain({ n: 3, s: 'unseen' });
  assert.equal([...connection.db.plain.iter()].length, 0);
  connection.disconnect();
});

test('event tables deliver once and store nothing', async () => {
  const { connection } = await connect();
  const seen = [];
  connection.db.ping.onInsert((_, row) => seen.push(row.n));
  await subscribe(connection, 'SELECT * FROM ping');
  await connection.reducers.sendPing({ n: 3 });
  await until(() => seen.length === 3, 'three events');
  assert.deepEqual([...seen].sort(), [0, 1, 2]);
  assert.deepEqual(await server.sql('SELECT COUNT(*) AS n FROM ping'), [[0]]);
  connection.disconnect();
});

test('thousands of rows arrive whole', async () => {
  const { connection } = await connect();
  await connection.reducers.fillFixed({ from: 100000, count: 5000 });
  await subscribe(connection, 'SELECT * FROM fixed WHERE id >= 100000');
  const rows = [...connection.db.fixed.iter()];
  assert.equal(rows.length, 5000);
  assert.ok(rows.every(row => row.y === row.id && row.tag === row.id % 7));
  connection.disconnect();
});

test('a thousand calls at once are all answered, in order', async () => {
  const { connection } = await connect();
  const order = [];
  await Promise.all(Array.from({ length: 1000 }, (_, i) =>
    connection.reducers.addPlain({ n: 10000 + i, s: 'bulk' }).then(() => order.push(i))));
  assert.deepEqual(order, Array.from({ length: 1000 }, (_, i) => i));
  connection.disconnect();
});

test('whatever was confirmed survives SIGKILL, and the client is the same user afterwards', async () => {
  for (let round = 0; round < 3; round++) {
    const { connection, identity, token } = await connect();
    connection.db.plain.onInsert(() => {});
    await subscribe(connection, 'SELECT * FROM plain');
    let confirmed = 0;
    let stop = false;
    const base = 1000000 * (round + 1);
    const calls = (async () => {
      for (let i = 0; !stop; i++) {
        connection.reducers.addPlain({ n: base + i, s: 'confirmed' }).then(() => { confirmed = i + 1; }, () => {});
        if (i % 20 === 0) await new Promise(resolve => setTimeout(resolve, 1));
      }
    })();
    await until(() => confirmed > 200, 'some confirmed calls');
    await server.kill();
    stop = true;
    await calls;
    const known = confirmed;
    await server.start();
    const rows = await server.sql(`SELECT n FROM plain WHERE n >= ${base} AND n < ${base + 1000000}`);
    const have = new Set(rows.map(row => row[0]));
    for (let i = 0; i < known; i++) assert.ok(have.has(base + i), `row ${i} of ${known} confirmed is gone`);
    assert.equal(have.size, rows.length);
    assert.deepEqual([...have].sort((a, b) => a - b), Array.from({ length: have.size }, (_, i) => base + i));
    const again = await connect(token);
    assert.equal(again.identity.toHexString(), identity.toHexString());
    again.connection.disconnect();
  }
});
