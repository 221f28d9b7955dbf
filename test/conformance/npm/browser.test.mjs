// browser.test.mjs - the npm package spacetimedb, unmodified, in headless Chromium: a page that loads it as modules,
// from a server of the test's on loopback. browser.page.mjs is what it does there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Server } from './server.mjs';

const chromium = process.env.CHROMIUM;
if (!chromium) throw new Error('set CHROMIUM');
const here = import.meta.dirname;
const require = createRequire(import.meta.url);
const packages = ['base64-js', 'safe-stable-stringify'];  // what the package's browser build imports

const page = `<!doctype html><meta charset="utf-8"><title>kinds</title>
<script type="importmap">${JSON.stringify({ imports: {
    spacetimedb: '/spacetimedb.mjs', ...Object.fromEntries(packages.map(name => [name, `/packages/${name}`])),
  } })}</script><script type="module" src="/browser.page.mjs"></script>`;

// A CommonJS package as a module, with the names it exports.
function asModule(name) {
  const names = Object.keys(require(name)).filter(key => /^[a-zA-Z_$][\w$]*$/.test(key) && key !== 'default');
  return `const module = { exports: {} }; { const exports = module.exports;
${readFileSync(require.resolve(name), 'utf8')}
}
export default module.exports;
export const { ${names.join(', ')} } = module.exports;`;
}

const files = new Map([
  ['/', ['text/html', () => page]],
  ['/spacetimedb.mjs', ['text/javascript', () => readFileSync(join(here, 'node_modules/spacetimedb/dist/index.browser.mjs'))]],
  ...packages.map(name => [`/packages/${name}`, ['text/javascript', () => asModule(name)]]),
  ...['bindings.mjs', 'browser.page.mjs'].map(name => [`/${name}`, ['text/javascript', () => readFileSync(join(here, name))]]),
]);

const server = new Server();
const passed = [];
let end;
const ended = new Promise((resolve, reject) => { end = { resolve, reject }; });

const answers = {
  '/ready': async () => ({ uri: server.uri }),
  '/kill': async () => { await server.kill(); return {}; },
  '/start': async () => { await server.start(); return { uri: server.uri }; },
  '/passed': async name => { passed.push(name); return {}; },
  '/done': async names => { end.resolve(names); return {}; },
  '/failed': async text => { end.reject(new Error(`in the page, after [${passed.join('; ')}]: ${text}`)); return {}; },
};

const pages = createServer(async (request, response) => {
  const file = request.method === 'GET' && files.get(request.url);
  if (file) {
    response.writeHead(200, { 'content-type': file[0] }).end(file[1]());
    return;
  }
  const answer = request.method === 'POST' && answers[request.url];
  if (!answer) {
    response.writeHead(404).end();
    return;
  }
  let body = '';
  for await (const chunk of request) body += chunk;
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(await answer(JSON.parse(body))));
});

let browser;
let profile;
before(async () => {
  await server.start();
  await server.publish();
  await new Promise(resolve => pages.listen(0, '127.0.0.1', resolve));
  profile = mkdtempSync(join(tmpdir(), 'spacetime-browser-'));
});
after(async () => {
  if (browser && browser.exitCode === null) {
    const gone = new Promise(resolve => browser.once('exit', resolve));
    browser.kill('SIGKILL');
    await gone;
  }
  pages.closeAllConnections();
  pages.close();
  await server.remove();
  rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
});

test('the package does in Chromium what it does in Node', { timeout: 90000 }, async () => {
  let said = '';
  browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--enable-logging=stderr', `--user-data-dir=${profile}`, '--remote-debugging-port=0',
    `http://127.0.0.1:${pages.address().port}/`], { stdio: ['ignore', 'ignore', 'pipe'] });
  browser.stderr.on('data', chunk => { said += chunk; });
  browser.once('exit', code => end.reject(new Error(`the browser ended with ${code}: ${said.slice(-2000)}`)));
  const timer = setTimeout(() => end.reject(new Error(`the page says nothing; the browser: ${said.slice(-2000)}`)), 80000);
  const names = await ended.finally(() => clearTimeout(timer));
  assert.deepEqual(passed, names);
  assert.equal(passed.length, 3);
});
