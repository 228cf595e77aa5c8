// The page: a head that stays, below it the view that the address names (#/block/12), and the node's overview twice a
// second for whichever is shown.
import './style.css';

import { Connection } from './connection.js';
import { card, emptyState, h, setText } from './dom.js';
import { duration } from './format.js';
import { History } from './history.js';
import { searchBox } from './search.js';
import { themeButton } from './theme.js';
import { fetchCluster } from './validators.js';
import { addressView } from './view_address.js';
import { blockView } from './view_block.js';
import { blocksView } from './view_blocks.js';
import { ClusterView } from './view_cluster.js';
import { OverviewView } from './view_overview.js';
import { transactionView } from './view_transaction.js';

const RELOAD_MS = 1000;
const ROUTES = {
  '': async () => new OverviewView(),
  blocks: blocksView,
  block: blockView,
  tx: transactionView,
  address: addressView,
  cluster: async () => new ClusterView(),
};

const history = new History();
const state = { history, figures: null, status: null, cluster: null, clusterKnown: false, now: Date.now() };
const connection = new Connection(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`, {
  onOverview,
  onLost,
});
const context = { connection, now: () => Date.now() };

const banner = h('div.banner', { role: 'status', hidden: true });
const health = h('a.health', { href: '/health' }, 'connecting');
const version = h('span.version');
const place = h('main');
const links = [
  ['', 'Overview'],
  ['blocks', 'Blocks'],
  ['cluster', 'Cluster'],
].map(([route, text]) => h('a', { href: `#/${route}`, id: `nav-${route || 'overview'}` }, text));
document.body.append(
  h(
    'header',
    h(
      'div.bar',
      h('a.brand', { href: '#/' }, h('img', { src: '/icon.svg', alt: '', width: 26, height: 26 }), 'gantry'),
      h('nav', links),
      searchBox(connection),
      health,
      themeButton(),
    ),
  ),
  banner,
  place,
  h(
    'footer',
    version,
    h('span', h('a', { href: '/metrics' }, '/metrics'), ' · ', h('a', { href: '/health' }, '/health')),
  ),
);

let lostAt = 0;
let view = null;
let turn = 0;

function onOverview(overview) {
  if (state.status && state.status.version !== overview.status.version) location.reload(); // this page is the old node's
  lostAt = 0;
  banner.hidden = true;
  state.now = Date.now();
  state.status = overview.status;
  state.figures = history.add(overview, state.now) ?? state.figures;
  showHealth(overview.status);
  if (view?.wantsCluster) askCluster();
  view?.update?.(state);
}

function onLost() {
  lostAt ||= Date.now();
  history.interrupt(Date.now());
  banner.hidden = false;
  setText(banner, `Reconnecting: the node has not answered for ${duration(Math.round((Date.now() - lostAt) / 1000))}.`);
  health.className = 'health away';
  setText(health, 'reconnecting');
}

function showHealth({ healthy, reason, version: text, chainId }) {
  health.className = `health ${healthy ? 'good' : 'bad'}`;
  setText(health, healthy ? 'healthy' : 'not healthy');
  health.title = reason || 'The node is healthy.';
  if (reason) {
    banner.hidden = false;
    setText(banner, reason[0].toUpperCase() + reason.slice(1));
  }
  setText(version, `${text} · chain ${chainId}${state.figures?.kernels ? ` · ${state.figures.kernels}` : ''}`);
}

let asking = false;
async function askCluster() {
  if (asking || (state.clusterKnown && !state.cluster)) return;
  asking = true;
  try {
    state.cluster = await fetchCluster(connection);
    state.clusterKnown = true;
    view?.update?.(state);
  } catch {
    // the connection broke: it is asked again with the next overview
  } finally {
    asking = false;
  }
}

async function show() {
  const own = ++turn;
  const [route, ...rest] = decode(location.hash.replace(/^#\/?/, '')).split('/');
  const made = await make(route, rest);
  if (own !== turn) return made.dispose?.(); // another was asked for meanwhile
  view?.dispose?.();
  view = made;
  place.replaceChildren(view.element);
  document.title = `${view.title} · gantry`;
  for (const link of links)
    link.ariaCurrent = link.hash === `#/${route === 'block' ? 'blocks' : route}` ? 'page' : null;
  view.update?.(state);
  if (view.reload) setTimeout(() => own === turn && show(), RELOAD_MS);
}

async function make(route, rest) {
  if (!Object.hasOwn(ROUTES, route))
    return {
      title: 'Not found',
      element: h('div.page', card('Not found', emptyState(`There is no page “${route}”.`))),
    };
  try {
    return await ROUTES[route](context, rest);
  } catch (error) {
    return {
      title: 'Not found',
      element: h('div.page', card('Not found', h('p.empty', { role: 'alert' }, error.message))),
    };
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

addEventListener('hashchange', () => {
  scrollTo(0, 0);
  show();
});
show();
