/**
 * What all pages share, kept in the URL so that a link shows another person the same thing: the time range
 * (`from`, `to`), the live switch (`live=off`) and whatever a page puts beside them. Only taste (theme, folded
 * navigation) is kept in the browser.
 */

/** @typedef {{from: string, to: string}} Range as written: "-1h" and "now", or unix seconds */
/** @typedef {{start: number, end: number}} Span unix seconds */

export const DEFAULT_RANGE = { from: '-1h', to: 'now' };
export const RANGES = [
  ['-5m', 'Last 5 minutes'],
  ['-15m', 'Last 15 minutes'],
  ['-30m', 'Last 30 minutes'],
  ['-1h', 'Last hour'],
  ['-3h', 'Last 3 hours'],
  ['-6h', 'Last 6 hours'],
  ['-24h', 'Last 24 hours'],
  ['-2d', 'Last 2 days'],
  ['-7d', 'Last 7 days'],
  ['-30d', 'Last 30 days'],
  ['today', 'Today (UTC)'],
  ['month', 'This month (UTC)'],
];
const UNIT_S = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** What the address asks for, defaulted; nonsense falls back to the default. @param {URLSearchParams} query @param {string} [since] the page's own default @returns {Range} */
export function rangeOf(query, since = DEFAULT_RANGE.from) {
  const from = query.get('from') || since;
  const to = query.get('to') || DEFAULT_RANGE.to;
  const now = Date.now() / 1000;
  const [a, b] = [moment(from, now), moment(to, now)];
  return a !== null && b !== null && a < b ? { from, to } : { from: since, to: 'now' };
}

/** One end of a range in unix seconds; null for what cannot be read. @param {string} text @param {number} now */
export function moment(text, now) {
  if (text === 'now') return now;
  if (text === 'today') return Math.floor(now / 86400) * 86400;
  if (text === 'month') return Date.UTC(new Date(now * 1000).getUTCFullYear(), new Date(now * 1000).getUTCMonth()) / 1000;
  const relative = /^-(\d+(?:\.\d+)?)([smhdw])$/.exec(text);
  if (relative) return now - Number(relative[1]) * UNIT_S[/** @type {keyof typeof UNIT_S} */ (relative[2])];
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : parsed / 1000;
}

/** A range as two moments, now. @param {Range} range @returns {Span} */
export function spanOf(range) {
  const now = Date.now() / 1000;
  return { start: /** @type {number} */ (moment(range.from, now)), end: /** @type {number} */ (moment(range.to, now)) };
}

/** Moves with the clock, so that a live page shows fresh data. @param {Range} range */
export function moving(range) {
  return range.to === 'now';
}

/** A step in seconds that gives about `points` points, from a ladder of round ones. @param {Span} span @param {number} [points] */
export function stepFor({ start, end }, points = 120) {
  const wanted = (end - start) / points;
  const ladder = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  return ladder.find((s) => s >= wanted) || 86400;
}

/** A path with the shared state of the present address and the page's own query. @param {string} path @param {Record<string, any>} [query] */
export function link(path, query = {}) {
  const here = new URLSearchParams(location.search);
  const there = new URLSearchParams();
  for (const key of ['from', 'to', 'live', 'theme']) if (here.has(key)) there.set(key, /** @type {string} */ (here.get(key)));
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') there.delete(key);
    else there.set(key, String(value));
  }
  const tail = there.toString();
  return path + (tail ? '?' + tail : '');
}

/** A range around something that happened, with room before it. @param {number} start @param {number|null|undefined} end */
export function around(start, end) {
  const until = end || Date.now() / 1000;
  const room = Math.max(180, (until - start) * 0.5);
  const open = !end || until + room > Date.now() / 1000;
  return { from: String(Math.floor(start - room)), to: open ? 'now' : String(Math.ceil(until + room)) };
}

/** @param {string} key */
export function kept(key) {
  try {
    return localStorage.getItem('triops.' + key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
export function keep(key, value) {
  try {
    localStorage.setItem('triops.' + key, value);
  } catch {
    // Storage is off or full: the choice lasts as long as the page.
  }
}
