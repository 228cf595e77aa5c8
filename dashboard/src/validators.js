// What a cluster's node knows of the others: one row a validator, and one a follower.
import { h, table } from './dom.js';
import { ago, bytes, count } from './format.js';

// { validators, peers, consensus } as the node's methods answer them; null on a chain of one node.
export async function fetchCluster(connection) {
  try {
    const [validators, peers, consensus] = await Promise.all(
      ['gantry_validators', 'gantry_peers', 'gantry_consensus'].map((method) => connection.call(method)),
    );
    return { validators, peers, consensus };
  } catch (error) {
    if (error.code === -32000) return null;
    throw error;
  }
}

const COLUMNS = [
  { title: 'Validator' },
  { title: 'View', class: 'number' },
  { title: 'Executed', class: 'number' },
  { title: 'Lag', class: 'number' },
  { title: 'Missed views', class: 'number' },
  { title: 'Heard', class: 'number' },
  { title: 'Connection' },
  { title: 'Cars final', class: 'number wide-only' },
  { title: 'Received', class: 'number wide-only' },
  { title: 'Sent', class: 'number wide-only' },
];

// Of more than `most`, those that are furthest behind.
export function validatorTable({ validators, peers, consensus }, { most = Infinity } = {}) {
  const progress = ({ number }) =>
    number === consensus.own ? consensus.executed : (peers.find((p) => p.number === number)?.executed ?? 0);
  let shown = validators.validators;
  if (shown.length > most) shown = shown.toSorted((a, b) => progress(a) - progress(b)).slice(0, most);
  const rows = shown.map(({ number, name }) => {
    const own = number === consensus.own;
    const peer = peers.find((p) => p.number === number);
    const lane = consensus.lanes[number];
    const marks = [own && mark('this node', 'own'), number === consensus.leader && mark('leader', 'leader')];
    const executed = own ? consensus.executed : peer?.executed;
    return [
      h('span', name, marks.filter(Boolean)),
      known(own ? consensus.view : peer?.view),
      known(executed),
      lag(consensus, executed),
      count(lane?.missedViews ?? 0),
      own ? '' : heard(peer),
      own ? '' : linkState(peer),
      known(lane?.finalized),
      ...traffic(peer),
    ];
  });
  return table(COLUMNS, rows);
}

export function followerTable({ validators, peers }) {
  const followers = peers.filter(({ role }) => role === 'follower');
  if (!followers.length) return null;
  const columns = [
    { title: 'Follower' },
    { title: 'Connection' },
    { title: 'Received', class: 'number' },
    { title: 'Sent', class: 'number' },
  ];
  return table(
    columns,
    followers.map((peer) => [peer.name, linkState(peer), ...traffic(peer)]),
  );
}

const known = (n) => (n === null || n === undefined ? '–' : count(n));
const mark = (text, kind) => h(`span.mark.${kind}`, text);
const heard = (peer) => (Number.isFinite(peer?.heardMsAgo) ? ago(peer.heardMsAgo) : '–');

// Behind the newest final block that this node knows of.
function lag({ floor }, executed) {
  if (executed === null || executed === undefined) return '–';
  const behind = Math.max(0, floor.height - executed);
  return h(behind > 20 ? 'b.bad' : 'span', count(behind));
}

function linkState(peer) {
  if (!peer) return '–';
  if (peer.banned) return mark('banned', 'bad');
  return peer.connected ? mark('connected', 'good') : mark('away', 'bad');
}

function traffic(peer) {
  if (!peer) return ['', ''];
  return [bytes(peer.control.bytesIn + peer.bulk.bytesIn), bytes(peer.control.bytesOut + peer.bulk.bytesOut)];
}
