// The cluster as this node sees it.
import { card, emptyState, facts, h, refresh } from './dom.js';
import { ago, bytes, count } from './format.js';
import { followerTable, validatorTable } from './validators.js';

const MODES = {
  voting: 'voting',
  following: 'following: it is no validator',
  recovering: 'recovering: it lost its log and does not vote yet',
  diverged: 'diverged: the others agree on another result',
  failed: 'failed: its log can’t be written',
};

export class ClusterView {
  title = 'Cluster';
  wantsCluster = true;
  element = h('div.page', card('Cluster', emptyState('Asking the node …')));

  update({ cluster, clusterKnown }) {
    if (!clusterKnown) return;
    if (!cluster) {
      this.element.replaceChildren(card('Cluster', emptyState('This chain is one node’s, without a cluster.')));
      return;
    }
    const followers = followerTable(cluster);
    refresh(
      this.element,
      card('Consensus', consensusFacts(cluster)),
      card('Validators', validatorTable(cluster)),
      ...(followers ? [card('Followers', followers)] : []),
    );
  }
}

function consensusFacts({ validators, consensus: c }) {
  const name = (number) => validators.validators[number]?.name ?? '–';
  return facts([
    ['This node', `${c.own === null ? 'a follower' : name(c.own)}, ${MODES[c.mode] ?? c.mode}`],
    ['Epoch', count(c.epoch)],
    [
      'View',
      `${count(c.view)}, led by ${name(c.leader)}, for ${c.inViewMs < 1000 ? `${c.inViewMs} ms` : ago(c.inViewMs).replace(' ago', '')}`,
    ],
    ['Timeouts in a row', count(c.timeoutsInARow)],
    ['Floor', `ordering block ${count(c.floor.height)}, of view ${count(c.floor.view)}`],
    ['Executed', `up to ordering block ${count(c.executed)}`],
    [
      'Quorum',
      `${count(validators.quorum)} of ${count(validators.weight)} votes; ${count(validators.faultyAtMost)} may be faulty`,
    ],
    [
      'Own cars',
      `${count(c.counts.cars)}, ${bytes(c.counts.carBytes)}; not final yet ${count(c.unfinalCars)}, ${bytes(c.unfinalBytes)}`,
    ],
    [
      'Votes',
      `${count(c.counts.votes.notarize)} notarize, ${count(c.counts.votes.finalize)} finalize, ${count(c.counts.votes.nullify)} timeouts`,
    ],
    [
      'Misbehaviour',
      c.counts.evidence || c.counts.bans
        ? `${count(c.counts.evidence)} proofs kept, ${count(c.counts.bans)} bans`
        : 'none seen',
    ],
  ]);
}
