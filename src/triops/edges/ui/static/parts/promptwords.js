/** How prompts, labels and money are told. Pure but for elements. */

import { h } from '../dom.js';
import { text } from '../format.js';
import { link } from '../state.js';

/** Dollars, which come as exact decimal texts, as plain text. @param {string|number|null|undefined} usd */
export function dollars(usd) {
  return usd === null || usd === undefined || usd === '' ? '–' : text(Number(usd), 'USD');
}

/** @param {string} name @param {Record<string, any>} [query] */
export function promptPath(name, query) {
  return link(`/ui/prompts/${encodeURIComponent(name)}`, query);
}

/** @param {string} label @param {any} [note] */
export function labelBadge(label, note) {
  return h('span', { class: 'alias label-badge' }, label, note !== undefined && note !== '' && h('span', { class: 'muted' }, ' → ', note));
}

/** "version 2", or "90 % version 2, 10 % version 3". @param {Record<string, number>|null|undefined} share @param {string|number} [version] */
export function shareText(share, version) {
  const parts = Object.entries(share || {});
  if (parts.length < 2) return `version ${parts[0]?.[0] ?? version}`;
  return parts.sort((a, b) => b[1] - a[1]).map(([v, p]) => `${p} % version ${v}`).join(', ');
}

/** "2" and "2:90,3:10" of a history, in words. @param {string|null} told */
export function movedText(told) {
  if (!told) return 'nothing';
  const share = Object.fromEntries(String(told).split(',').map((p) => { const [v, n] = p.split(':'); return [v, Number(n ?? 100)]; }));
  return shareText(share, told);
}

/** Template text with what it fills in marked. @param {string} words */
export function highlighted(words) {
  const out = [];
  let last = 0;
  for (const found of words.matchAll(/\{\{\{?[^{}]*\}?\}\}|\{%.*?%\}/g)) {
    out.push(words.slice(last, found.index), h('mark', { class: 'variable' }, found[0]));
    last = found.index + found[0].length;
  }
  return [...out, words.slice(last)];
}

/** A version's lines, whichever kind it is. @param {any} version @returns {{role: string, content: string}[]} */
export function linesOf(version) {
  return version.messages || [{ role: 'user', content: version.text || '' }];
}

/** The version as one reads a chat. @param {any} version */
export function promptLines(version) {
  return h('div', { class: 'chat-lines' }, linesOf(version).map((m) => h('div', { class: ['chat-line', `role-${m.role}`] }, h('div', { class: 'chat-role' }, version.messages ? m.role : 'text'), h('div', { class: 'chat-text' }, highlighted(m.content)))));
}

/** @param {number} share 0 to 1 or more @param {string} label @param {string} [tone] */
export function limitBar(share, label, tone = share >= 1 ? 'critical' : share >= 0.8 ? 'warning' : '') {
  return h('div', { class: ['limit-bar', tone], role: 'img', 'aria-label': label }, h('i', { style: { width: `${Math.min(100, Math.max(0, share * 100))}%` } }));
}

/** Unix seconds at which the UTC day began. */
export function today() {
  return Math.floor(Date.now() / 86400000) * 86400;
}
