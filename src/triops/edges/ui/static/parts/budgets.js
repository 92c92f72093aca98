/** Budgets as bars: how much is used, how far the window has run, and when the rest is gone at this rate. */

import { h } from '../dom.js';
import { ago, clock, dayOf, exact, percent, short, text } from '../format.js';
import { tracesOf } from './llmwords.js';

const NEAR = 0.8; // of a budget: from here on it warns
const SHOWN = 9;

/** @typedef {{scope: string, name: string, per: string, hard: boolean, document: string, amount_usd: string, spent_usd: string, reserved_usd: string, left_usd: string, share: number, ends_at: number|null, exhausted_at: number|null}} Budget */

/** @type {Record<string, string>} */
const WINDOW = { day: 'today', month: 'this month', total: 'in all' };

/** What stands out: used up, or about to be. @param {Budget} b @returns {'critical'|'warning'|''} */
export function tone(b) {
  return b.share >= 1 ? 'critical' : b.share >= NEAR ? 'warning' : '';
}

/** "the day's budget of key support-bot" @param {Budget} b */
export function budgetName(b) {
  return b.scope === 'project' ? 'the project' : `${b.scope} ${b.name}`;
}

/** How much is used; many times over is said so. @param {Budget} b */
export function used(b) {
  return b.share >= 10 ? `${short(b.share)} times` : percent(b.share);
}

/** When the rest is gone at this rate, as words; '' when it lasts. @param {Budget} b */
export function runsOut(b) {
  if (b.share >= 1) return b.hard ? 'used up: calls are refused' : 'used up';
  if (!b.exhausted_at) return '';
  return `gone ${ago(b.exhausted_at)} at this rate`;
}

/** The most used first, as the API gives them. @param {Budget[]} items */
export function budgetBars(items) {
  const rest = items.slice(SHOWN);
  return [bars(items.slice(0, SHOWN)), rest.length > 0 && h('details', { class: 'more', data: { key: 'budgets' } }, h('summary', null, `${rest.length} more`), bars(rest))];
}

/** @param {Budget[]} items */
function bars(items) {
  return h('ul', { class: 'budgets' }, items.map((b) => {
    const state = tone(b);
    const pace = paceOf(b);
    const reserved = Number(b.reserved_usd) / Math.max(Number(b.amount_usd), 1e-12);
    const out = runsOut(b);
    const name = ['key', 'user', 'application'].includes(b.scope) ? h('a', { class: 'name', href: tracesOf({ [b.scope]: b.name }) }, b.name) : h('span', { class: 'name' }, b.name || 'the project');
    return h('li', { class: 'budget' },
      h('div', { class: 'budget-head' }, name, h('span', { class: 'muted small' }, b.name ? b.scope : ''), h('span', { class: 'grow' }), h('span', { class: 'tag', title: b.hard ? 'Calls that do not fit are refused' : 'It warns and refuses nothing' }, b.hard ? 'hard' : 'soft')),
      h('div', { class: 'burn', role: 'img', 'aria-label': `${percent(b.share)} used${pace === null ? '' : `, ${percent(pace)} of its time gone`}` },
        h('i', { class: ['spent', state], style: { width: `${Math.min(100, b.share * 100)}%` } }), reserved > 0 && h('i', { class: 'reserved', style: { width: `${Math.min(100, reserved * 100)}%` } }), pace !== null && h('i', { class: 'pace', style: { left: `${pace * 100}%` }, title: 'now' })),
      h('div', { class: 'budget-says' }, h('span', null, h('strong', { class: state, title: `$${b.spent_usd}` }, text(Number(b.spent_usd), 'USD')), h('span', { class: 'muted' }, ` of ${text(Number(b.amount_usd), 'USD')} ${WINDOW[b.per] || b.per} · ${used(b)}`)),
        h('span', { class: state || 'muted', title: b.exhausted_at ? exact(b.exhausted_at) : '' }, state && '◆ ', out || (b.ends_at ? `lasts until ${b.per === 'day' ? clock(b.ends_at, { day: false }).slice(0, 5) : dayOf(b.ends_at)}` : 'lasts at this rate'))));
  }));
}

/** How much of its window is over. @param {Budget} b */
function paceOf(b) {
  if (!b.ends_at) return null;
  const end = new Date(b.ends_at * 1000);
  const start = b.per === 'day' ? b.ends_at - 86400 : Date.UTC(end.getUTCFullYear(), end.getUTCMonth() - 1) / 1000;
  return Math.min(1, Math.max(0, (Date.now() / 1000 - start) / (b.ends_at - start)));
}
