// The pages of the manual (docs/ and the README) taken apart: links, headings, code.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

export const repository = path.resolve(import.meta.dirname, '../../..');

// As the usual renderers of Markdown make anchors from headings.
const slug = (heading) =>
  heading
    .toLowerCase()
    .replace(/[`*]|\[|\]\([^)]*\)/g, '')
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');

class Page {
  constructor(name) {
    this.name = name;
    const lines = readFileSync(path.join(repository, name), 'utf8').split('\n');
    Object.assign(this, { blocks: [], anchors: new Set(), prose: [] });
    let fence = null;
    let indented = null;
    let before = '';
    for (const line of lines) {
      const opening = /^```(\w*)$/.exec(line);
      if (fence) {
        if (line === '```') fence = null;
        else fence.lines.push(line);
      } else if (opening) {
        this.blocks.push((fence = { language: opening[1], lines: [] }));
      } else if (/^ {4}/.test(line) && (indented || before === '')) {
        if (!indented) this.blocks.push((indented = { language: '', lines: [] }));
        indented.lines.push(line.slice(4));
      } else {
        if (line !== '') indented = null;
        const heading = /^#+ (.*)$/.exec(line);
        if (heading) this.anchors.add(slug(heading[1]));
        this.prose.push(line);
      }
      before = line;
    }
  }

  // Targets of links in the text, without those to elsewhere.
  get links() {
    return [...this.prose.join('\n').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target).filter((target) => !/^https?:/.test(target));
  }

  // What stands between backticks.
  get spans() {
    return [...this.prose.join('\n').matchAll(/`([^`]+)`/g)].map(([, text]) => text.replaceAll('\n', ' '));
  }

  blocksIn(language) {
    return this.blocks.filter((block) => block.language === language).map(({ lines }) => lines.join('\n'));
  }

  // Each use of the gantry command: {command, rest}. Blocks of text show what a command prints.
  get commands() {
    const found = [];
    const take = (text, start) => {
      const use = start.exec(text);
      if (use) found.push({ command: use[1], rest: use[2].split(/ [|&#>]|\)|;/)[0] });
    };
    for (const span of this.spans) take(span, /^gantry ([a-z][a-z-]*)(.*)$/);
    for (const { language, lines } of this.blocks) {
      if (language === 'text') continue;
      for (const line of lines.join('\n').replaceAll(/\\\n/g, ' ').split('\n'))
        for (const part of line.split(/&& |\| |; |\$\(/)) take(part.trim(), /^(?:\$ )?(?:build\/release\/)?gantry ([a-z][a-z-]*)(.*)$/);
    }
    return found;
  }
}

export const manual = ['README.md', ...readdirSync(path.join(repository, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)].map(
  (name) => new Page(name),
);
