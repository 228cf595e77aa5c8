// The first page: how fast, how late, where the time goes, what comes.
import { BlockList } from './block_list.js';
import { Chart } from './chart.js';
import { cardWith, h, refresh } from './dom.js';
import { bytes, compact, count, duration, money, percent, seconds } from './format.js';
import { Bars, Tile } from './meters.js';
import { Stages } from './stages.js';
import { validatorTable } from './validators.js';

const VALIDATORS_SHOWN = 16;

const perSecond = (x) => compact(x);

export class OverviewView {
  title = 'Overview';
  wantsCluster = true;

  #tiles = {
    offered: new Tile('Offered', 'Transactions that clients sent: accepted and refused'),
    accepted: new Tile('Accepted', 'Transactions taken into the pool; connections that are open'),
    included: new Tile('Included', 'Transactions executed into blocks'),
    finalized: new Tile('Finalized', 'Transactions in blocks that are durable and final'),
    latency: new Tile('Latency', 'From a transaction’s arrival to its durable receipt: median'),
    pool: new Tile('Pool', 'Transactions that wait'),
    head: new Tile('Head', 'Newest block; base fee of the next'),
    node: new Tile('Up', 'Time since the start'),
  };
  #rates = new Chart(
    [
      { label: 'offered', colour: '--offered', fill: true },
      { label: 'accepted', colour: '--accepted' },
      { label: 'included', colour: '--included' },
      { label: 'finalized', colour: '--finalized' },
    ],
    perSecond,
  );
  #latency = new Chart(
    [
      { label: 'p50', colour: '--p50', fill: true },
      { label: 'p90', colour: '--p90' },
      { label: 'p99', colour: '--p99' },
    ],
    seconds,
  );
  #pool = new Chart(
    [
      { label: 'pending', colour: '--accepted', fill: true, title: 'may be in the next block' },
      { label: 'queued', colour: '--p90', title: 'behind a missing nonce' },
    ],
    compact,
  );
  #stages = new Stages();
  #lanes = new Bars('--included');
  #passes = new Bars('--accepted');
  #escapes = new Bars('--p99', { empty: 'None: every transaction ran on its shard.', long: true });
  #refusals = new Bars('--p90', { empty: 'None since the start.', long: true });
  #blocks = new BlockList();
  #cluster = h('div', { hidden: true });
  #poolRemark = h('span.remark');

  constructor() {
    this.#lanes.set([
      ['signatures', 0, '–'],
      ['keccak', 0, '–'],
    ]);
    this.element = h(
      'div.page',
      h(
        'div.tiles',
        Object.values(this.#tiles).map((tile) => tile.element),
      ),
      h(
        'div.columns',
        cardWith('Transactions a second', h('span.remark', 'five minutes'), this.#rates.element),
        cardWith('Latency', h('span.remark', 'arrival to durable receipt'), this.#latency.element),
      ),
      this.#stages.element,
      h(
        'div.columns.three',
        cardWith('Pool', this.#poolRemark, this.#pool.element),
        h(
          'div.stack',
          cardWith('Lanes', h('span.remark', 'how full the batches are'), this.#lanes.element),
          cardWith('Passes', h('span.remark', 'since the start'), this.#passes.element),
        ),
        h(
          'div.stack',
          cardWith('Escapes', h('span.remark', 'to the global pass, by reason'), this.#escapes.element),
          cardWith('Refused', h('span.remark', 'at intake, by reason'), this.#refusals.element),
        ),
      ),
      this.#cluster,
      this.#blocks.element,
    );
  }

  update({ history, figures, status, cluster, now }) {
    if (status) this.#showStatus(status);
    this.#blocks.update(history.blocks, now);
    this.#rates.set(
      history.columns(
        (f) => f.offered,
        (f) => f.accepted,
        (f) => f.included,
        (f) => f.finalized,
      ),
    );
    this.#latency.set(history.columns(...[0, 1, 2].map((i) => (f) => f.inclusion[i])));
    this.#pool.set(
      history.columns(
        (f) => f.pending,
        (f) => f.queued,
      ),
    );
    if (figures) this.#showFigures(figures);
    if (cluster) this.#showCluster(cluster);
  }

  dispose() {
    for (const chart of [this.#rates, this.#latency, this.#pool]) chart.dispose();
  }

  #showStatus({ head, baseFee, uptimeMs, shards }) {
    this.#tiles.head.set(count(head?.number ?? 0), { remark: `fee ${money(BigInt(baseFee))}` });
    this.#tiles.node.set(duration(uptimeMs / 1000), { remark: `${shards} shard${shards === 1 ? '' : 's'}` });
  }

  #showFigures(f) {
    const t = this.#tiles;
    t.offered.set(perSecond(f.offered), {
      unit: 'tx/s',
      remark: f.refused ? `${perSecond(f.refused)} refused` : 'none refused',
    });
    t.accepted.set(perSecond(f.accepted), {
      unit: 'tx/s',
      remark: `${count(f.ingestConnections)} ingest, ${count(f.rpcConnections)} RPC`,
    });
    t.included.set(perSecond(f.included), { unit: 'tx/s', remark: `${compact(f.gas)} gas/s` });
    t.finalized.set(perSecond(f.finalized), { unit: 'tx/s', remark: `${perSecond(f.blocks)} blocks/s` });
    t.latency.set(seconds(f.inclusion[0]), { remark: `p99 ${seconds(f.inclusion[2])}` });
    t.pool.set(compact(f.pending), { unit: 'pending', remark: `${compact(f.queued)} queued` });
    this.#poolRemark.textContent = bytes(f.poolBytes);
    this.#stages.update(f.threads);
    this.#lanes.set(
      Object.entries(f.lanes).map(([name, share]) => [name, share, Number.isFinite(share) ? percent(share) : 'idle']),
    );
    this.#passes.set(shares(f.passes));
    this.#escapes.set(shares(f.escapes));
    this.#refusals.set(shares(f.refusals));
  }

  #showCluster(cluster) {
    const { consensus } = cluster;
    const remark = h(
      'span.remark',
      `view ${count(consensus.view)} · floor ${count(consensus.floor.height)} · `,
      h('a', { href: '#/cluster' }, 'more'),
    );
    this.#cluster.hidden = false;
    refresh(this.#cluster, cardWith('Validators', remark, validatorTable(cluster, { most: VALIDATORS_SHOWN })));
  }
}

// Counts as bars of their sum, with the counts beside.
function shares(counts) {
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  return [...counts].map(([name, n]) => [name, total ? n / total : 0, compact(n)]);
}
