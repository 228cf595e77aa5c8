// Numbers as people read them: three digits that matter, and a unit.
const SPACE = '\u202f'; // narrow, does not break

const grouped = new Intl.NumberFormat('en-US');

export const count = (n) => grouped.format(Math.round(n));

// Trailing digits only where they say something: 0.52, 5.24, 52.4, 524.
function digits(x) {
  const size = Math.abs(x);
  return x.toFixed(size >= 99.95 || x === 0 ? 0 : size >= 9.995 ? 1 : 2);
}

function scaled(x, steps) {
  const [size, unit] = steps.find(([least]) => Math.abs(x) >= least * 0.9995) ?? steps.at(-1);
  return `${digits(x / size)}${SPACE}${unit}`.trimEnd();
}

export const compact = (n) =>
  Math.abs(n) < 9999.5
    ? n % 1 && Math.abs(n) < 99.95
      ? digits(n)
      : count(n)
    : scaled(n, [
        [1e9, 'G'],
        [1e6, 'M'],
        [1e3, 'k'],
      ]);
export const seconds = (s) =>
  !Number.isFinite(s)
    ? '–'
    : s === 0
      ? '0'
      : s >= 119.5
        ? duration(s)
        : scaled(s, [
            [1, 's'],
            [1e-3, 'ms'],
            [1e-6, 'µs'],
          ]);
export const bytes = (n) =>
  n < 1000
    ? `${count(n)}${SPACE}B`
    : scaled(n, [
        [1e12, 'TB'],
        [1e9, 'GB'],
        [1e6, 'MB'],
        [1e3, 'kB'],
      ]);
export const percent = (share) => (Number.isFinite(share) ? `${digits(share * 100)}${SPACE}%` : '–');

// Money: an integer of wei, exactly, in the unit that leaves few zeros.
export function money(wei) {
  const [decimals, unit] = wei >= 10n ** 15n ? [18, 'ether'] : wei >= 10n ** 6n ? [9, 'gwei'] : [0, 'wei'];
  return `${wei === 0n ? '0' : trimmed(wei, decimals)}${SPACE}${wei === 0n ? 'ether' : unit}`;
}

function trimmed(amount, decimals) {
  const one = 10n ** BigInt(decimals);
  const whole = grouped.format(amount / one);
  const fraction = decimals ? (amount % one).toString().padStart(decimals, '0').replace(/0+$/, '') : '';
  return fraction ? `${whole}.${fraction}` : whole;
}

export function duration(s) {
  const units = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const first = Math.max(
    0,
    units.findIndex(([size]) => s >= size),
  );
  if (s < 1) return `0${SPACE}s`;
  const [[size, unit], next] = [units[first], units[first + 1]];
  const rest = next ? Math.floor((s % size) / next[0]) : 0;
  return `${Math.floor(s / size)}${SPACE}${unit}${rest ? ` ${rest}${SPACE}${next[1]}` : ''}`;
}

export const ago = (ms) => `${ms < 9950 ? `${(ms / 1000).toFixed(1)}${SPACE}s` : duration(Math.floor(ms / 1000))} ago`;
export const moment = (ms) =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.000Z|Z/, '') + ' UTC';
export const short = (hex, ends = 6) =>
  hex.length <= 2 * ends + 4 ? hex : `${hex.slice(0, ends + 2)}…${hex.slice(-ends)}`;
export const byteLength = (hex) => (hex.length - 2) / 2;
