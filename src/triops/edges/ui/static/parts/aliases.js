/** The names a model is live under: each with its version, who put it there and why, and one click back. */

import { h } from '../dom.js';
import { when } from '../format.js';
import { aliasBadge } from './runwords.js';
import { link } from '../state.js';

const HISTORY = 200;

/**
 * @param {any} model @param {any[]} versions @param {any[]} history
 * @param {{undo: (alias: string) => void, drop: (alias: string) => void, move: (alias: string) => void, open: (version: string) => void}} how
 */
export function aliasCards(model, versions, history, { undo, drop, move, open }) {
  return Object.entries(model.aliases).map(([alias, version]) => {
    const last = history.find((m) => m.alias === alias);
    const behind = versions.filter((v) => Number(v.version) > Number(version)).length;
    return h('article', { class: 'alias-card', 'aria-label': `Alias ${alias}` },
      h('div', { class: 'card-head' }, aliasBadge(alias), h('button', { type: 'button', class: 'link live-version', on: { click: () => open(String(version)) } }, `version ${version}`)),
      h('p', { class: 'muted small' }, last ? [last.from ? `from version ${last.from}, ` : '', `by ${last.who || 'someone'} `, when(last.at), last.why ? `: ${String(last.why).slice(0, 200)}` : ''] : 'no move is recorded', behind ? ` · ${behind} newer` : ''),
      h('div', { class: 'buttons' }, h('button', { type: 'button', on: { click: () => move(alias) } }, 'Move …'), last && h('button', { type: 'button', 'aria-label': `Undo the last move of ${alias}`, on: { click: () => undo(alias) } }, 'Undo …'), h('button', { type: 'button', class: 'ghost', 'aria-label': `Remove ${alias}`, on: { click: () => drop(alias) } }, 'Remove …')));
  });
}

/** @param {any[]} items */
export function historyList(items) {
  if (!items.length) return h('p', { class: 'muted' }, 'Nothing has happened to this model yet.');
  return h('ul', { class: 'lines' }, items.slice(0, HISTORY).map((m) => h('li', { class: 'line' }, h('span', { class: 'tag' }, String(m.kind || '').replaceAll('_', ' ')), h('div', { class: 'line-body' },
    words(m),
    h('div', { class: 'muted small' }, m.who || 'someone', m.why ? `: ${m.why}` : '')),
  h('div', { class: 'line-side small' }, when(m.at), m.change && h('div', null, h('a', { href: link('/ui/changes', { change: m.change }) }, 'as a change'))))));
}

/** @param {any} m a line of the history */
function words(m) {
  const of = m.version ? `version ${m.version}` : '';
  const number = (/** @type {string} */ v) => (/^\d+$/.test(String(v)) ? `version ${v}` : v);
  const path = m.from || m.to ? [m.from ? h('span', { class: 'muted' }, `${number(m.from)} → `) : '', m.to ? number(m.to) : 'nothing'] : of || 'the model itself';
  return [m.alias ? [aliasBadge(m.alias), ' '] : m.kind === 'stage' ? `${of}: ` : '', path];
}
