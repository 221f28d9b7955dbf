// bindings.mjs - what a code generator would write for a part of golden/modules/kinds, by hand.
import {
  DbConnectionBuilder, DbConnectionImpl, SubscriptionBuilderImpl,
  procedures, reducerSchema, reducers, schema, t, table,
} from 'spacetimedb';

const FixedRow = t.row({
  id: t.u32().primaryKey(),
  x: t.i32(),
  y: t.i32(),
  tag: t.u16(),
});
const PlainRow = t.row({ n: t.u32(), s: t.string() });
const PingRow = t.row({ n: t.u32(), note: t.string() });
const PersonRow = t.row({
  identity: t.identity().primaryKey(),
  name: t.string(),
  age: t.u8(),
  vip: t.bool(),
});

const tablesSchema = schema({
  fixed: table({
    name: 'fixed',
    indexes: [{ accessor: 'id', name: 'fixed_id_idx_direct', algorithm: 'btree', columns: ['id'] }],
    constraints: [{ name: 'fixed_id_key', constraint: 'unique', columns: ['id'] }],
  }, FixedRow),
  person: table({
    name: 'person',
    indexes: [{ accessor: 'identity', name: 'person_identity_idx_btree', algorithm: 'btree', columns: ['identity'] }],
    constraints: [{ name: 'person_identity_key', constraint: 'unique', columns: ['identity'] }],
  }, PersonRow),
  ping: table({ name: 'ping', indexes: [], constraints: [], event: true }, PingRow),
  plain: table({ name: 'plain', indexes: [], constraints: [] }, PlainRow),
});

const reducersSchema = reducers(
  reducerSchema('add_plain', { n: t.u32(), s: t.string() }),
  reducerSchema('delete_x', { low: t.i32(), high: t.i32() }),
  reducerSchema('fail', { how: t.u8() }),
  reducerSchema('fill_fixed', { from: t.u32(), count: t.u32() }),
  reducerSchema('move_fixed', { id: t.u32(), x: t.i32(), y: t.i32() }),
  reducerSchema('register', { name: t.string(), age: t.u8() }),
  reducerSchema('send_ping', { n: t.u32() }),
  reducerSchema('unregister', {}),
);
const proceduresSchema = procedures();

const REMOTE_MODULE = {
  versionInfo: { cliVersion: '2.10.1' },
  tables: tablesSchema.schemaType.tables,
  reducers: reducersSchema.reducersType.reducers,
  ...proceduresSchema,
};

class SubscriptionBuilder extends SubscriptionBuilderImpl {}

export class DbConnection extends DbConnectionImpl {
  static builder = () => new DbConnectionBuilder(REMOTE_MODULE, config => new DbConnection(config));
  subscriptionBuilder = () => new SubscriptionBuilder(this);
}
