// The dashboard in a browser, as its readers use it: live figures, pages of the chain, search, a restart, a cluster.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startBrowser, withoutBrowser } from './support/browser.mjs';
import { devKeys, launchGantry, runGantry, startGantry, temporaryFolder, until } from './support/gantry.mjs';
import { load } from './support/packages.mjs';
import { freePorts } from './support/ports.mjs';
import { rpc } from './support/rpc.mjs';

const { JsonRpcProvider, Wallet } = load('ethers');

const WAIT_MS = 30_000;
const plain = (text) => text.replaceAll(/[\u202f\u00a0]/g, ' ');
const number = (text) => Number(text.replaceAll(',', ''));

// A page of the browser, and what it complained about.
class Reader {
  static async open(browser, options = {}) {
    const reader = new Reader();
    reader.page = await browser.newPage({ viewport: { width: 1300, height: 900 }, ...options });
    reader.complaints = [];
    reader.page.on('console', (message) => message.type() === 'error' && reader.complaints.push(message.text()));
    reader.page.on('pageerror', (error) => reader.complaints.push(String(error)));
    return reader;
  }

  text(selector) {
    return this.page.locator(selector).first().innerText({ timeout: WAIT_MS }).then(plain);
  }

  // Waits until what `selector` shows matches, and returns the match.
  async shows(selector, pattern) {
    return until(`${selector} shows ${pattern}`, async () => pattern.exec(await this.text(selector)), WAIT_MS);
  }

  // A list of facts ("Hash", "Nonce", ...) as an object.
  async facts() {
    const [names, values] = await Promise.all(
      ['dt', 'dd'].map((tag) => this.page.locator(`.facts ${tag}`).allInnerTexts()),
    );
    return Object.fromEntries(names.map((name, i) => [name, plain(values[i])]));
  }

  // The headline figure of this title: "1,234 tx/s".
  tile(title) {
    return this.text(`.tile:has(h3:text-is("${title}")) .value`).then((text) => text.replaceAll('\n', ' '));
  }

  async search(text) {
    await this.page.fill('.search input', text);
    await this.page.press('.search input', 'Enter');
  }

  noSidewaysScroll(what) {
    return this.page
      .evaluate(() => document.documentElement.scrollWidth - innerWidth)
      .then((beyond) => assert.ok(beyond <= 0, `${what} is ${beyond} pixels too wide`));
  }
}

const sampleOf = async (url, name) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:{.*})? (.*)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
};

let browser;
before(async () => {
  if (!withoutBrowser) browser = await startBrowser();
});
after(() => browser?.close());

describe('the dashboard', { skip: withoutBrowser, timeout: 120_000 }, () => {
  const data = path.join(temporaryFolder(), 'chain');
  let node, reader, phone, call, port;
  const start = () =>
    startGantry('dev', ['--data', data, '--block-time', '1s', '--rpc-port', String(port), '--ingest-port', '0'], {
      bare: true,
    });
  const go = (place) => reader.page.goto(`${node.url}/${place}`);

  before(async () => {
    port = await freePorts(1);
    node = await start();
    call = rpc(node.url);
    reader = await Reader.open(browser);
  });
  after(() => node?.stop());

  test('of a node at rest says so', async () => {
    await go('');
    await reader.shows('.health', /^healthy$/);
    await reader.shows('main', /No block yet/);
    await reader.shows('main', /None: every transaction ran on its shard/);
    await until('rates are there', async () => (await reader.tile('Offered')) === '0 tx/s', WAIT_MS);
    assert.equal(await reader.tile('Latency'), '–');
  });

  test('shows the figures of a node under load', async () => {
    const seen = { Offered: 0, Accepted: 0, Included: 0, Finalized: 0 };
    const loading = launchGantry(
      'load',
      [
        '--rpc',
        node.url,
        '--ingest',
        `127.0.0.1:${node.ingestPort}`,
        '--from',
        'dev',
        '--senders',
        '100',
        '--accounts',
        '500',
        '--rate',
        '2000',
        '--duration',
        '3s',
      ],
      { bare: true },
    );
    let stages = '';
    while (!loading.end) {
      for (const title of Object.keys(seen))
        seen[title] = Math.max(seen[title], number((await reader.tile(title)).split(' ')[0]) || 0);
      stages ||=
        (await reader.page.locator('.strip .stage-verify').first().getAttribute('title')).match(
          /shard 0: verify [1-9.]+.*%/,
        )?.[0] ?? '';
      await reader.page.waitForTimeout(200);
    }
    assert.equal(loading.end.code, 0, loading.output);
    for (const [title, rate] of Object.entries(seen))
      assert.ok(rate > 500 && rate < 20_000, `${title}: ${rate} tx/s where 2000 are offered`);
    assert.ok(stages, 'shard 0 verifies');
    const [included, height] = await Promise.all([
      sampleOf(node.url, 'gantry_transactions_total'),
      sampleOf(node.url, 'gantry_head_height'),
    ]);
    assert.ok(included >= 6000, `${included} included`);
    await until('the page has the newest block', async () => number(await reader.tile('Head')) === height, WAIT_MS);
    await until('and every transaction', async () => (await reader.tile('Pool')) === '0 pending', WAIT_MS);
    assert.match(await reader.tile('Latency'), /^[\d.]+ m?s$|^–$/);
    assert.ok((await reader.page.locator('.chart canvas').count()) === 3);
    assert.equal(number(await reader.text('table.live tbody a')), height);
    const shown = await reader.shows('.card:has(h2:text-is("Passes"))', /senders\s+([\d.,]+)( k)?/);
    assert.ok(
      Math.abs(number(shown[1]) * (shown[2] ? 1000 : 1) - included) <= included / 100,
      `${shown[0]} of ${included}`,
    );
  });

  test('opens a block with thousands of transactions, a page at a time', async () => {
    const heights = Array.from(
      { length: Number(await call('eth_blockNumber')) },
      (_, i) => `0x${(i + 1).toString(16)}`,
    );
    const blocks = await call.batch(heights.map((height) => ['eth_getBlockByNumber', height, false]));
    const block = blocks.reduce((a, b) => (b.transactions.length > a.transactions.length ? b : a));
    const count = block.transactions.length;
    assert.ok(count > 1000, `${count} transactions`);
    await go('#/blocks');
    await reader.page.click(`main td a:text-is("${Number(block.number)}")`);
    await reader.shows('main h2', new RegExp(`^Block ${Number(block.number)}$`));
    const facts = await reader.facts();
    assert.equal(facts.Hash, block.hash);
    assert.equal(facts.Parent, block.parentHash);
    assert.equal(facts['State root'], block.stateRoot);
    assert.equal(facts['Transactions root'], block.transactionsRoot);
    assert.equal(facts['Receipts root'], block.receiptsRoot);
    assert.equal(number(facts.Transactions), count);
    const pages = Math.ceil(count / 25);
    assert.match(await reader.text('.card:has(table) .pager'), new RegExp(`page 1 of ${pages}`));
    assert.equal(await reader.page.locator('tbody tr').count(), 25);
    await reader.page.click('.pager a:text-is("last")');
    await reader.shows('.card:has(table) .pager', new RegExp(`page ${pages} of ${pages}`));
    assert.equal(await reader.page.locator('tbody tr').count(), count - 25 * (pages - 1));
    const last = await reader.page.locator('tbody tr').last().locator('a').first().getAttribute('title');
    assert.equal(last, block.transactions.at(-1));
  });

  test('shows a transaction with its logs, and the contract that it made', async () => {
    const provider = new JsonRpcProvider(node.url, 31337, { staticNetwork: true });
    const topic = 'ab'.repeat(32);
    const text = Buffer.from('hello, dashboard').toString('hex').padEnd(64, '0');
    // Writes a log with one topic and 32 bytes, leaves one byte of code (stop).
    const initcode = `0x7f${text}5f52${`7f${topic}`}60205fa160015ff3`;
    const { hash } = await new Wallet(devKeys[9], provider).sendTransaction({
      data: initcode,
      gasLimit: 200_000n,
      maxFeePerGas: 10n ** 10n,
      maxPriorityFeePerGas: 10n ** 9n,
    });
    provider.destroy();
    await go(`#/tx/${hash}`); // while it waits
    await reader.shows('main', /Gas price paid/);
    const receipt = await call('eth_getTransactionReceipt', hash);
    assert.equal(receipt.status, '0x1');
    const facts = await reader.facts();
    assert.equal(facts.Hash, hash);
    assert.equal(facts.Block, `${Number(receipt.blockNumber)}, place ${Number(receipt.transactionIndex)}`);
    assert.equal(number(facts['Gas used']), Number(receipt.gasUsed));
    assert.equal(facts['Topic 0'], `0x${topic}`);
    assert.equal(facts.Data, `0x${text}`);
    const way = await reader.text('.way');
    for (const step of ['received', 'verified', 'pooled', 'executed', 'durable']) assert.match(way, new RegExp(step));
    assert.match(way, /creates a contract/); // why it escaped
    await reader.page.click('dt:text-is("Created") + dd a');
    await reader.shows('main h2', /^Contract$/);
    assert.equal((await reader.facts()).Address, receipt.contractAddress);
    assert.match(await reader.text('main'), /contract, 1 B of code/);
    assert.match(await reader.text('.card:has(h2:text-is("Logs"))'), new RegExp(topic));
  });

  test('finds by number, hash and address, and says what it can not find', async () => {
    const block = await call('eth_getBlockByNumber', '0x1', false);
    await go('');
    for (const [query, title] of [
      ['1', /^Block 1$/],
      [block.transactions[0], /^Transaction$/],
      [' 0,001 ', /^Block 1$/],
      [block.transactions[0].slice(2).toUpperCase(), /^Transaction$/],
      [block.hash, /^Block 1$/],
      [`0x${'f3'.repeat(20)}`, /^Account$/],
    ]) {
      await reader.search(query);
      await reader.shows('main h2', title);
    }
    for (const [query, answer] of [
      ['nonsense', /^That is not a block’s number, a hash .* or an address/],
      ['', /^Search for a block’s number/],
      ['0x1234', /^That is not/],
      ['-1', /^That is not/],
      ['999999999', /^There is no block 999,999,999; the newest is \d+\.$/],
      [`0x${'0f'.repeat(32)}`, /^No transaction and no block with this hash is known here\.$/],
      ['<img src=x onerror=alert(1)>', /^That is not/],
    ]) {
      await reader.search(query);
      await reader.shows('.search .answer', answer);
    }
  });

  test('says what is wrong with a link', async () => {
    for (const [place, answer] of [
      ['#/block/999999', /There is no block 999,999; the newest is/],
      ['#/block/zero', /“zero” is neither/],
      [`#/block/0x${'00'.repeat(32)}`, /There is no block 0x0000/],
      ['#/tx/0x12', /is not a transaction’s hash/],
      [`#/tx/0x${'12'.repeat(32)}`, /has not seen it, or has forgotten it/],
      ['#/address/0x12', /is not an address/],
      ['#/nowhere', /There is no page “nowhere”/],
      ['#/cluster', /validator|one node’s/],
      ['#/blocks/nonsense', /“nonsense” is not a block’s number/],
      ['#/%E0%A4%A', /There is no page/],
    ]) {
      await go(place);
      await reader.shows('main', answer);
    }
  });

  test('fits a phone and follows the system’s colours', async () => {
    phone = await Reader.open(browser, { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
    const dark = () =>
      phone.page
        .evaluate(() => getComputedStyle(document.body).backgroundColor)
        .then((colour) => Number(/\d+/.exec(colour)[0]) < 128);
    const tx = (await call('eth_getBlockByNumber', '0x1', false)).transactions[0];
    for (const place of ['', '#/blocks', '#/block/1', `#/tx/${tx}`, '#/cluster']) {
      await phone.page.goto(`${node.url}/${place}`);
      await phone.shows('.health', /^healthy$/);
      await phone.noSidewaysScroll(place || 'the overview');
    }
    assert.ok(await dark());
    await phone.page.click('.icon-button');
    assert.ok(!(await dark()), 'the button goes against the system');
    await phone.page.reload();
    assert.ok(!(await dark()), 'and is remembered');
    assert.deepEqual(phone.complaints, []);
  });

  test('says why the node is not healthy', async () => {
    await phone.page.routeWebSocket(/.*/, (page) => {
      const server = page.connectToServer();
      server.onMessage((text) =>
        page.send(text.replace('"healthy":true,"reason":""', '"healthy":false,"reason":"no block for 40 s"')),
      );
    });
    await phone.page.reload();
    await phone.shows('.health', /^not healthy$/);
    await phone.shows('.banner', /^No block for 40 s$/);
    await phone.page.close();
  });

  test('complained about nothing so far', () => assert.deepEqual(reader.complaints, []));

  test('survives a restart of the node', async () => {
    await go('');
    await reader.shows('.health', /^healthy$/);
    const head = await reader.tile('Head');
    await node.stop();
    await reader.shows('.banner', /^Reconnecting: the node has not answered for/);
    await reader.shows('.health', /^reconnecting$/);
    node = await start();
    await reader.shows('.health', /^healthy$/);
    await until('the banner goes', () => reader.page.locator('.banner').isHidden(), WAIT_MS);
    assert.equal(await reader.tile('Head'), head);
    await until('figures come again', async () => /^\d+ s$/.test(await reader.tile('Up')), WAIT_MS);
    await reader.search('1');
    await reader.shows('main h2', /^Block 1$/);
    // The browser itself reports that there was nobody to connect to; the page has nothing to say.
    const others = reader.complaints.filter(
      (text) => !/WebSocket connection to .*failed|ERR_CONNECTION_REFUSED/.test(text),
    );
    assert.deepEqual(others, []);
  });
});

describe('the dashboard of a cluster', { skip: withoutBrowser, timeout: 120_000 }, () => {
  let cluster, reader, base;

  before(async () => {
    base = await freePorts(50);
    const where = [
      '--out',
      path.join(temporaryFolder(), 'cluster'),
      '--rpc-port',
      base,
      '--ingest-port',
      base + 5,
      '--p2p-port',
      base + 6,
    ].map(String);
    cluster = launchGantry('cluster', ['--validators', '4', '--shards', '1', ...where], { bare: true });
    reader = await Reader.open(browser);
    await until('the first node answers', () => fetch(`http://127.0.0.1:${base}/health`).catch(() => null), WAIT_MS);
  });
  after(() => cluster?.stop('SIGKILL'));

  const row = (name) => `tr:has(td:has-text("${name}"))`;

  test('shows the validators, and which of them misses its views', async () => {
    await reader.page.goto(`http://127.0.0.1:${base}/#/cluster`);
    await reader.shows(row('validator-0'), /this node/);
    for (const name of ['validator-1', 'validator-2', 'validator-3']) await reader.shows(row(name), /connected/);
    const ask = rpc(`http://127.0.0.1:${base}`);
    const { view } = await ask('gantry_consensus');
    const shown = await until('views go on', async () => {
      const cells = await reader.page.locator(`${row('validator-0')} td`).allInnerTexts();
      return number(cells[1]) >= view && cells;
    });
    assert.ok(number(shown[2]) > 0, `executed ${shown[2]}`);
    assert.match(await reader.text('main'), /Quorum\s+3 of 4 votes; 1 may be faulty/);
    const [, pid] = readFileSync(`/proc/${cluster.pid}/task/${cluster.pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .map(Number);
    process.kill(pid, 'SIGSTOP');
    const name = `validator-${/validator-(\d)/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.[1] ?? 1}`;
    const missed = async () => number((await reader.page.locator(`${row(name)} td`).allInnerTexts())[4]);
    const had = await missed();
    await until(`${name} misses views`, async () => (await missed()) > had, WAIT_MS);
    process.kill(pid, 'SIGCONT');
    await reader.noSidewaysScroll('the cluster');
    await reader.page.goto(`http://127.0.0.1:${base}/#/`);
    await reader.shows('.card:has(h2:text-is("Validators"))', /validator-3/);
    assert.deepEqual(reader.complaints, []);
  });
});
