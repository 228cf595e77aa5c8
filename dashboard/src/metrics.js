// The node's samples (Prometheus text) and what two readings of them tell: rates, quantiles, shares. As `gantry top`
// reckons them. Pure functions.

// name -> [{ labels: { name: value }, value }]
export function parse(text) {
  const samples = new Map();
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match) continue;
    const [, name, labels = '', value] = match;
    if (!samples.has(name)) samples.set(name, []);
    samples.get(name).push({ labels: parseLabels(labels), value: Number(value) });
  }
  return samples;
}

function parseLabels(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g))
    labels[name] = value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
  return labels;
}

const matches = (labels, wanted) => Object.entries(wanted).every(([name, value]) => labels[name] === value);

export const sum = (samples, name, wanted = {}) =>
  (samples.get(name) ?? []).reduce((total, s) => (matches(s.labels, wanted) ? total + s.value : total), 0);

// Sums by the values of a label, in the node's order.
export function sums(samples, name, label) {
  const by = new Map();
  for (const { labels, value } of samples.get(name) ?? []) by.set(labels[label], (by.get(labels[label]) ?? 0) + value);
  return by;
}

export const grown = (before, after, name, wanted) => Math.max(0, sum(after, name, wanted) - sum(before, name, wanted));

// What a histogram counted between two readings at quantile q, by linear interpolation inside its bucket; NaN when it
// counted nothing.
export function quantile(before, after, name, q) {
  const old = sums(before, `${name}_bucket`, 'le');
  const buckets = [...sums(after, `${name}_bucket`, 'le')].map(([le, n]) => [
    le === '+Inf' ? Infinity : Number(le),
    Math.max(0, n - (old.get(le) ?? 0)),
  ]);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (!total) return NaN;
  let [low, below] = [0, 0];
  for (const [bound, upTo] of buckets) {
    if (upTo >= q * total) {
      if (bound === Infinity) return low;
      return low + ((bound - low) * (q * total - below)) / (upTo - below || 1);
    }
    [low, below] = [bound, upTo];
  }
  return low;
}

// [{ thread, stages: Map(stage -> share of the time between) }]. A thread that has made no account slept all the time:
// it makes one before it sleeps and when it has woken. (Or it is in one long turn; /health tells that.)
export function stageShares(before, after) {
  const old = new Map(
    (before.get(CYCLES) ?? []).map(({ labels, value }) => [`${labels.thread}\n${labels.stage}`, value]),
  );
  const threads = new Map();
  for (const { labels, value } of after.get(CYCLES) ?? []) {
    if (!threads.has(labels.thread)) threads.set(labels.thread, new Map());
    const cycles = Math.max(0, value - (old.get(`${labels.thread}\n${labels.stage}`) ?? 0));
    threads.get(labels.thread).set(labels.stage, cycles);
  }
  return [...threads].map(([thread, stages]) => {
    const total = [...stages.values()].reduce((a, b) => a + b, 0);
    const shareOf = (stage, cycles) => (total ? cycles / total : Number(stage === 'idle'));
    return { thread, stages: new Map([...stages].map(([stage, cycles]) => [stage, shareOf(stage, cycles)])) };
  });
}

const CYCLES = 'gantry_stage_cycles_total';

function lanes(before, after, kernel) {
  const offered = grown(before, after, 'gantry_lanes_offered_total', { kernel });
  return offered ? grown(before, after, 'gantry_lanes_used_total', { kernel }) / offered : NaN;
}

// Everything that the page shows of two readings, seconds apart. Rates a second, times in seconds, shares 0 to 1; NaN
// where nothing happened to tell from.
export function figures(before, after, seconds) {
  const rate = (name, wanted) => grown(before, after, name, wanted) / seconds;
  const times = (name) => [0.5, 0.9, 0.99].map((q) => quantile(before, after, name, q));
  const accepted = rate('gantry_submitted_total');
  const refused = rate('gantry_refused_total');
  return {
    offered: accepted + refused,
    accepted,
    refused,
    included: rate('gantry_pass_transactions_total'),
    finalized: rate('gantry_transactions_total'),
    blocks: rate('gantry_blocks_total'),
    gas: rate('gantry_gas_total'),
    inclusion: times('gantry_inclusion_latency_seconds'),
    commit: times('gantry_commit_latency_seconds'),
    sync: times('gantry_fdatasync_latency_seconds'),
    pending: sum(after, 'gantry_pool_transactions', { state: 'pending' }),
    queued: sum(after, 'gantry_pool_transactions', { state: 'queued' }),
    poolBytes: sum(after, 'gantry_pool_bytes'),
    lanes: { signatures: lanes(before, after, 'signatures'), keccak: lanes(before, after, 'keccak') },
    threads: stageShares(before, after),
    passes: sums(after, 'gantry_pass_transactions_total', 'pass'),
    escapes: sums(after, 'gantry_global_pass_total', 'reason'),
    refusals: sums(after, 'gantry_refused_total', 'reason'),
    ingestConnections: sum(after, 'gantry_ingest_connections'),
    rpcConnections: sum(after, 'gantry_rpc_connections'),
    rpcCalls: rate('gantry_rpc_requests_total'),
    resident: sum(after, 'gantry_resident_bytes'),
    logBytes: sum(after, 'gantry_log_bytes'),
    kernels: after.get('gantry_info')?.[0].labels.kernels ?? '',
  };
}
