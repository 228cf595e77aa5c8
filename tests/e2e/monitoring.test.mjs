// The alert rules and the Grafana dashboard ask only for metrics that there are, by labels and label values that these
// have: names and labels are those of `gantry docs metrics`, values those of a node's /metrics.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { runGantry, startGantry } from './support/gantry.mjs';
import { repository } from './support/manual.mjs';

const read = (name) => readFileSync(path.join(repository, 'tools/deploy/monitoring', name), 'utf8');
const rules = [...read('alerts.yml').matchAll(/^ +expr: (.*)$/gm)].map(([, expr]) => expr);
const dashboard = JSON.parse(read('grafana.json'));
const expressions = [...rules, ...dashboard.panels.flatMap(({ targets }) => targets ?? []).map(({ expr }) => expr)];

// name -> labels, from the table.
const metrics = new Map(
  [...runGantry(['docs', 'metrics']).stdout.matchAll(/^\| `(gantry_\w+)` \| (\w+) \|[^|]*\| ([^|]*) \|/gm)].flatMap(([, name, type, labels]) => {
    const list = [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label);
    return type === 'histogram' ? [[`${name}_bucket`, [...list, 'le']], [`${name}_sum`, list], [`${name}_count`, list]] : [[name, list]];
  }),
);
const FROM_PROMETHEUS = ['instance', 'job'];

// Each metric that an expression names, with the labels it is selected by: [name, [[label, value]]].
const uses = (expr) =>
  [...expr.matchAll(/\b(gantry_\w+)(?:\{([^}]*)\})?/g)].map(([, name, selectors]) => [
    name,
    [...(selectors ?? '').matchAll(/(\w+)=~?"([^"]*)"/g)].map(([, label, value]) => [label, value]),
  ]);

describe('alert rules and dashboard', () => {
  test('there are some', () => {
    assert.ok(rules.length > 10 && expressions.length > 40 && metrics.size > 60);
  });

  test('name metrics and labels of the table', () => {
    for (const expr of expressions) {
      for (const [name, selectors] of uses(expr)) {
        assert.ok(metrics.has(name), `${name} in ${expr}`);
        for (const [label] of selectors) assert.ok([...metrics.get(name), ...FROM_PROMETHEUS].includes(label), `${label} of ${name} in ${expr}`);
      }
      const known = new Set([...uses(expr).flatMap(([name]) => metrics.get(name) ?? []), ...FROM_PROMETHEUS]);
      for (const [, labels] of expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)) for (const label of labels.split(/, */)) assert.ok(known.has(label), `by ${label} in ${expr}`);
    }
  });

  test('select by values that a node has', { timeout: 30_000 }, async () => {
    const node = await startGantry('dev');
    try {
      const text = await (await fetch(`${node.url}/metrics`)).text();
      for (const expr of expressions)
        for (const [name, selectors] of uses(expr))
          for (const [label, value] of selectors) {
            if (FROM_PROMETHEUS.includes(label) || !text.includes(`\n${name}{`)) continue; // a cluster's
            assert.ok(text.split('\n').some((line) => line.startsWith(`${name}{`) && line.includes(`${label}="${value}"`)), `${label}="${value}" of ${name}`);
          }
    } finally {
      await node.stop();
    }
  });

  test('every panel has a title, a unit and a legend', () => {
    for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
      assert.ok(panel.title && panel.fieldConfig.defaults.unit && panel.targets.every(({ legendFormat }) => legendFormat), panel.title);
      const { x, w } = panel.gridPos;
      assert.ok(x + w <= 24);
    }
  });
});
