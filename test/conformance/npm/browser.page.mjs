// browser.page.mjs - what runs in the browser: two clients of the npm package, thousands of rows, and a server that
// is killed between. Tells the test how it went.
import { DbConnection } from './bindings.mjs';

const ROWS = 5000;

function check(condition, what) {
  if (!condition) throw new Error(what);
}

async function ask(path, body) {
  const answer = await fetch(path, { method: 'POST', body: JSON.stringify(body ?? null) });
  check(answer.ok, `${path}: ${answer.status}`);
  return answer.json();
}

async function until(condition, what, ms = 15000) {
  const end = performance.now() + ms;
  while (!condition()) {
    check(performance.now() < end, `${what}: not within ${ms} ms`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

let uri = '';

function connect(token) {
  return new Promise((resolve, reject) => {
    const client = { events: [], isClosed: false };
    const builder = DbConnection.builder().withUri(uri).withDatabaseName('kinds')
      .onConnect((connection, identity, newToken) => resolve(Object.assign(client, { connection, identity, token: newToken })))
      .onConnectError((_, error) => reject(error))
      .onDisconnect(() => { client.isClosed = true; });
    (token ? builder.withToken(token) : builder).build();
  });
}

function subscribe(client, ...queries) {
  const { db } = client.connection;
  db.fixed.onInsert((_, row) => client.events.push(`insert ${row.id} ${row.x}`));
  db.fixed.onUpdate((_, old, row) => client.events.push(`update ${row.id} ${old.x} ${row.x}`));
  db.fixed.onDelete((_, row) => client.events.push(`delete ${row.id} ${row.x}`));
  return new Promise((resolve, reject) => {
    const handle = client.connection.subscriptionBuilder()
      .onApplied(() => resolve(handle)).onError(context => reject(context.event ?? new Error('refused'))).subscribe(queries);
  });
}

const ids = client => [...client.connection.db.fixed.iter()].map(row => row.id).sort((a, b) => a - b);

const steps = {
  async 'thousands of rows arrive whole, at once and as updates'(state) {
    state.first = await connect();
    state.second = await connect();
    check(!state.first.identity.isEqual(state.second.identity), 'two clients are one');
    await state.first.connection.reducers.fillFixed({ from: 0, count: ROWS });
    await subscribe(state.first, 'SELECT * FROM fixed');
    check(ids(state.first).length === ROWS, `${ids(state.first).length} rows`);
    await subscribe(state.second, 'SELECT * FROM fixed WHERE y < 2500');
    check(ids(state.second).length === 2500, `${ids(state.second).length} rows with a filter`);
    state.first.events.length = state.second.events.length = 0;
    await state.second.connection.reducers.fillFixed({ from: ROWS, count: ROWS });
    await until(() => state.first.events.length === ROWS, 'the other client\'s rows');
    check(state.second.events.length === 0, 'rows outside of the filter');
  },
  async 'two clients see each other\'s changes in the order in which they were made'(state) {
    const { first, second } = state;
    first.events.length = second.events.length = 0;
    for (let i = 0; i < 50; i++) {
      const by = i % 2 ? first : second;
      await by.connection.reducers.moveFixed({ id: 7, x: 100 + i, y: 0 });
    }
    await first.connection.reducers.moveFixed({ id: 7, x: 3000, y: 3000 });
    await first.connection.reducers.moveFixed({ id: 7, x: 5, y: 0 });
    const moves = Array.from({ length: 50 }, (_, i) => `update 7 ${i ? 99 + i : 7} ${100 + i}`);
    await until(() => first.events.length === 52 && second.events.length === 52, 'all changes');
    check(first.events.join() === [...moves, 'update 7 149 3000', 'update 7 3000 5'].join(), `first: ${first.events}`);
    check(second.events.join() === [...moves, 'delete 7 149', 'insert 7 5'].join(), `second: ${second.events}`);
  },
  async 'after the server was killed everything is there again, for the same user'(state) {
    const before = ids(state.first).join();
    await ask('/kill');
    await until(() => state.first.isClosed && state.second.isClosed, 'the end of the connections');
    ({ uri } = await ask('/start'));
    const again = await connect(state.first.token);
    check(again.identity.isEqual(state.first.identity), 'another identity');
    await subscribe(again, 'SELECT * FROM fixed');
    check(ids(again).join() === before, 'other rows than before');
    const other = await connect(state.second.token);
    await other.connection.reducers.deleteX({ low: 0, high: 10 });
    await until(() => again.events.filter(event => event.startsWith('delete')).length === 1000, 'a thousand rows that go');
    again.connection.disconnect();
    other.connection.disconnect();
  },
};

async function run() {
  ({ uri } = await ask('/ready'));
  const state = {};
  for (const [name, step] of Object.entries(steps)) {
    await step(state);
    await ask('/passed', name);
  }
  await ask('/done', Object.keys(steps));
}

run().catch(error => ask('/failed', String(error.stack ?? error)));
