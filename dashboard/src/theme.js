// Light or dark: as the system has it, or as chosen here.
import { h } from './dom.js';

const KEY = 'gantry-theme';
const listeners = new Set();
const system = matchMedia('(prefers-color-scheme: dark)');

const chosen = () => localStorage.getItem(KEY);
const isDark = () => (chosen() ?? (system.matches ? 'dark' : 'light')) === 'dark';

function apply() {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
  for (const listener of listeners) listener();
}

export function themeButton() {
  const button = h(
    'button.icon-button',
    { type: 'button', title: 'Light or dark', ariaLabel: 'Switch between light and dark' },
    '◐',
  );
  button.onclick = () => {
    localStorage.setItem(KEY, isDark() ? 'light' : 'dark');
    apply();
  };
  return button;
}

// Calls listener whenever colours change; returns how to stop that.
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// The colour that a custom property stands for now.
export function colour(property) {
  const probe = h('span');
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

system.addEventListener('change', apply);
apply();
