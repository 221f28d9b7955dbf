// server.mjs - a server of ours on a directory of its own, with the kinds module published; killed and started at will.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = required('SPACETIME');       // the program under test
const kinds = required('STDB_KINDS_WASM');   // golden/modules/kinds/kinds.wasm

function required(name) {
  if (!process.env[name]) throw new Error(`set ${name}`);
  return process.env[name];
}

export class Server {
  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'spacetime-npm-'));
    this.port = 0;
  }

  async start() {
    const listen = `127.0.0.1:${this.port}`;
    this.process = spawn(program, ['start', '--data-dir', this.directory, '--jwt-key-dir', this.directory,
      '--listen-addr', listen, '--non-interactive'], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.exited = new Promise(resolve => this.process.once('exit', resolve));
    let seen = '';
    const line = await new Promise((resolve, reject) => {
      this.process.stdout.on('data', chunk => {
        seen += chunk;
        const match = seen.match(/Starting SpacetimeDB listening on [^\s]*:(\d+)/);
        if (match) resolve(match);
      });
      this.exited.then(code => reject(new Error(`the server ended with ${code}: ${seen}`)));
      setTimeout(() => reject(new Error(`no listen line: ${seen}`)), 20000).unref();
    });
    this.port = Number(line[1]);
    this.uri = `http://127.0.0.1:${this.port}`;
    return this;
  }

  async publish() {
    const identity = await (await fetch(`${this.uri}/v1/identity`, { method: 'POST' })).json();
    this.owner = identity.token;
    const answer = await fetch(`${this.uri}/v1/database/kinds`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${this.owner}`, 'content-type': 'application/wasm' },
      body: readFileSync(kinds),
    });
    if (answer.status !== 200) throw new Error(`publish: ${answer.status} ${await answer.text()}`);
  }

  async sql(text) {
    const answer = await fetch(`${this.uri}/v1/database/kinds/sql`, {
      method: 'POST', headers: { authorization: `Bearer ${this.owner}` }, body: text,
    });
    if (answer.status !== 200) throw new Error(`${text}: ${answer.status} ${await answer.text()}`);
    return (await answer.json())[0].rows;
  }

  async kill() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  async remove() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
