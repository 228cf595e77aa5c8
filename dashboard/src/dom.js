// Elements in one expression: h('a.name', { href: '#/' }, 'text', child). Texts are never read as HTML.
export function h(name, ...rest) {
  const [tag, ...classes] = name.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  const properties = isProperties(rest[0]) ? rest.shift() : {};
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...rest.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const isProperties = (x) => x !== null && typeof x === 'object' && !(x instanceof Node) && !Array.isArray(x);

// Sets a text only where it differs, so that a selection survives.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Puts these in place of what is in an element; tables stay scrolled as they were.
export function refresh(element, ...children) {
  const scrolled = [...element.querySelectorAll('.scroll')].map((frame) => frame.scrollLeft);
  element.replaceChildren(...children);
  element.querySelectorAll('.scroll').forEach((frame, i) => (frame.scrollLeft = scrolled[i] ?? 0));
}

export function card(title, ...children) {
  return h('section.card', h('h2', title), ...children);
}

// A card's title with a remark beside it.
export function cardWith(title, remark, ...children) {
  return h('section.card', h('div.card-head', h('h2', title), remark), ...children);
}

// columns: [{ title, class }]. Scrolls sideways where it does not fit.
export function table(columns, rows, { empty = 'Nothing yet.' } = {}) {
  const cell = (content, i) => h('td', { className: columns[i].class ?? '' }, content);
  const head = h(
    'tr',
    columns.map((column) => h('th', { className: column.class ?? '' }, column.title)),
  );
  if (!rows.length) return emptyState(empty);
  const body = rows.map((row) => (row instanceof Node ? row : h('tr', row.map(cell))));
  return h('div.scroll', h('table', h('thead', head), h('tbody', body)));
}

export const emptyState = (text) => h('p.empty', text);

// [[name, value], ...] as a list of facts; nulls are left out.
export function facts(pairs) {
  return h(
    'dl.facts',
    pairs.filter(Boolean).map(([name, value]) => h('div', h('dt', name), h('dd', value))),
  );
}
