/** Values as people read them: short numbers with their unit apart, times relative with the exact time at hand. */

import { h } from './dom.js';

/** @param {number} value at most three significant figures, with k/M/G beyond a thousand */
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e9) return trim(value / 1e9) + ' G';
  if (size >= 1e6) return trim(value / 1e6) + ' M';
  if (size >= 1e4) return trim(value / 1e3) + ' k';
  if (size >= 1000) return Math.round(value).toLocaleString('en');
  return trim(value);
}

/** @param {number} value */
function trim(value) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return String(Number(value.toFixed(1)));
  if (size >= 0.01) return String(Number(value.toFixed(2)));
  return value.toExponential(1);
}

/**
 * A value split into figure and unit. Units are those of OpenTelemetry (UCUM): By, s, ms, 1, %, {request}.
 * @param {number|null|undefined} value
 * @param {string} [unit]
 * @returns {[string, string]}
 */
export function measure(value, unit = '') {
  if (value === null || value === undefined || Number.isNaN(value)) return ['–', ''];
  const v = Number(value);
  const per = unit.endsWith('/s') ? '/s' : '';
  const base = per ? unit.slice(0, -2) : unit;
  if (base === 'ms') return time(v / 1000);
  if (base === 's') return time(v);
  if (unit === '/s' && v > 0 && v < 0.01) return [trim(v * 3600), '/h'];
  if (base === 'USD') return [dollars(v), per];
  if (base === 'ratio') return [trim(v * 100), '%'];
  if (base === 'By' || base === 'bytes') return bytes(v, per);
  const [figure, scale = ''] = short(v).split(' ');
  return [figure, (scale + (scale && base !== '%' ? '' : '') + (base === '1' || base.startsWith('{') ? '' : (scale ? ' ' : '') + base) + per).trim()];
}

/** @param {number} s @returns {[string, string]} */
function time(s) {
  const size = Math.abs(s);
  if (size === 0) return ['0', 'ms'];
  if (size < 1e-3) return [trim(s * 1e6), 'µs'];
  if (size < 1) return [trim(s * 1e3), 'ms'];
  if (size < 120) return [trim(s), 's'];
  if (size < 7200) return [trim(s / 60), 'min'];
  if (size < 172800) return [trim(s / 3600), 'h'];
  return [trim(s / 86400), 'd'];
}

/** @param {number} v @param {string} per @returns {[string, string]} */
function bytes(v, per) {
  const names = ['B', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  for (; Math.abs(v) >= 1000 && at < names.length - 1; at++) v /= 1000;
  return [trim(v), names[at] + per];
}

/**
 * Dollars as one reads them: cents from a dollar on, then three figures, below a tenth of a cent two. @param {number} v
 */
function dollars(v) {
  const size = Math.abs(v);
  const sign = v < 0 ? '−' : '';
  if (size === 0) return '$0';
  if (size >= 1e6) return `${sign}$${trim(size / 1e6)} M`;
  if (size >= 1000) return `${sign}$${Math.round(size).toLocaleString('en')}`;
  if (size >= 1) return `${sign}$${size.toFixed(2)}`;
  if (size < 1e-9) return '< $0.000000001';
  const figures = (size < 0.001 ? 1 : 2) - Math.floor(Math.log10(size));
  return `${sign}$${size.toFixed(figures).replace(size < 0.1 ? /0+$/ : /0$/, '')}`; // never fewer than cents
}

/** As plain text: "312 ms". @param {number|null|undefined} value @param {string} [unit] */
export function text(value, unit) {
  const [figure, tail] = measure(value, unit);
  return tail ? `${figure} ${tail}` : figure;
}

/** As an element with the unit muted. @param {number|null|undefined} value @param {string} [unit] */
export function figure(value, unit) {
  const [n, tail] = measure(value, unit);
  return h('span', { class: 'figure' }, n, tail && h('span', { class: 'unit' }, ' ' + tail));
}

/** "4 min ago", "in 2 h", "now". @param {number} at unix seconds @param {number} [now] */
export function ago(at, now = Date.now() / 1000) {
  const s = now - at;
  if (Math.abs(s) < 5) return 'now';
  const size = lasting(Math.abs(s));
  return s > 0 ? `${size} ago` : `in ${size}`;
}

/** "41 s", "4 min", "3 h 20 min", "2 d". @param {number} s */
export function lasting(s) {
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 86400) {
    const minutes = Math.round((s % 3600) / 60);
    return `${Math.floor(s / 3600)} h${minutes ? ` ${minutes} min` : ''}`;
  }
  return `${Math.round(s / 86400)} d`;
}

/** Local clock time; with the day where it is not today. @param {number} at unix seconds @param {{ms?: boolean, day?: boolean}} [how] */
export function clock(at, { ms = false, day } = {}) {
  const d = new Date(at * 1000);
  const hms = d.toTimeString().slice(0, 8) + (ms ? '.' + String(d.getMilliseconds()).padStart(3, '0') : '');
  const today = d.toDateString() === new Date().toDateString();
  return day ?? !today ? `${dayOf(at)} ${hms}` : hms;
}

/** "21 Nov", with the year where it is not this one. @param {number} at unix seconds */
export function dayOf(at) {
  const d = new Date(at * 1000);
  const month = d.toLocaleString('en', { month: 'short' });
  return `${d.getDate()} ${month}${d.getFullYear() === new Date().getFullYear() ? '' : ' ' + d.getFullYear()}`;
}

/** Exact, with zone, for a title. @param {number} at unix seconds */
export function exact(at) {
  return new Date(at * 1000).toISOString().replace('T', ' ').replace('Z', ' UTC');
}

/** A relative time that keeps itself fresh (see `tickTimes`). @param {number|null|undefined} at unix seconds */
export function when(at) {
  if (!at) return h('span', { class: 'muted' }, '–');
  return h('time', { datetime: new Date(at * 1000).toISOString(), title: exact(at), data: { at: String(at) } }, ago(at));
}

/** Refreshes every relative time on the page. */
export function tickTimes() {
  for (const el of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('time[data-at]'))) {
    const fresh = ago(Number(el.dataset.at));
    if (el.textContent !== fresh) el.textContent = fresh;
  }
}

/** "3 services", "1 service". @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = one + 's') {
  return `${n === 0 ? 'no' : short(n)} ${n === 1 ? one : many}`;
}

/** First letter upper. @param {string} text */
export function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : '';
}

/** The name part of an entity id ("service:pricing" → "pricing"). @param {string|null|undefined} id */
export function nameOf(id) {
  return id ? id.slice(id.indexOf(':') + 1) : 'unknown';
}

/** The type part of an entity id. @param {string|null|undefined} id */
export function typeOf(id) {
  return id && id.includes(':') ? id.slice(0, id.indexOf(':')) : '';
}

/** @param {number} p */
export function percent(p) {
  return p > 0 && p < 0.01 ? '< 1 %' : `${Math.round(p * 100)} %`;
}

/** A kind as words: "prompt_label" → "prompt label". @param {string} kind */
export function worded(kind) {
  return String(kind).replaceAll('_', ' ');
}
