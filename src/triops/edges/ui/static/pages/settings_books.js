/** Server, audit and notices: what is kept, what was done, who was told. */

import { h, slot } from '../dom.js';
import { count, figure, lasting, sentence, short, text, when } from '../format.js';
import { empty } from '../parts/empty.js';
import { health } from '../parts/health.js';
import { json } from '../parts/json.js';
import { stat } from '../parts/stat.js';
import { table } from '../parts/table.js';

/** The server's state and its effective settings. */
export function serverTab() {
  const answer = slot(h('p', { class: 'answer' }), ({ text: words }) => words);
  const stores = slot(h('div', { class: 'stats' }), (/** @type {any[]} */ list) => list.map(([name, s]) => stat(sentence(name), h('span', null, short(s.rows), h('span', { class: 'unit' }, ' rows')), { note: `${text(s.bytes, 'By')}${s.oldest_day ? `, since ${s.oldest_day}` : ''}` })));
  const refused = slot(h('section', { class: 'card' }), (/** @type {any[]} */ list) => [h('h2', null, 'Refused'), list.length ? h('table', { class: 'plain-table' }, h('thead', null, h('tr', null, h('th', null, 'Kind'), h('th', null, 'Why'), h('th', { class: 'right' }, 'Rows'))), h('tbody', null, list.map((r) => h('tr', null, h('td', null, r.kind), h('td', null, r.reason), h('td', { class: 'right' }, figure(r.count)))))) : h('p', { class: 'muted' }, 'Nothing was refused since the start.')]);
  const jobs = slot(h('section', { class: 'card' }), (/** @type {any[]} */ list) => [h('h2', null, 'Background work'), h('table', { class: 'plain-table' }, h('thead', null, h('tr', null, ['Job', 'Every', 'Ticks', 'Took', 'State'].map((t, i) => h('th', { class: i > 0 && i < 4 && 'right' }, t)))), h('tbody', null, list.map((j) => h('tr', null, h('td', null, j.name), h('td', { class: 'right' }, figure(j.every_s, 's')), h('td', { class: 'right' }, figure(j.ticks)), h('td', { class: 'right' }, figure(j.last_took_s, 's')), h('td', null, j.last_error ? [health('warning', `${j.failures} failed`), h('div', { class: 'muted small' }, j.last_error)] : health('ok'))))))]);
  const settings = slot(h('section', { class: 'card' }), ({ tree }) => [h('h2', null, 'Effective settings'), h('p', { class: 'muted small' }, 'From defaults, triops.toml, TRIOPS_* variables and flags, in that order. Secrets are masked.'), json(tree, { open: 3 })]);
  return {
    el: h('div', { class: 'page' }, answer.el, stores.el, settings.el, jobs.el, refused.el),
    /** @param {any[]} answers */
    set([status, tree]) {
      answer.set({ text: `Version ${status.version}, up for ${lasting(status.now - status.started_at)}, data in ${status.data_dir}; ${status.auth === 'keys' ? 'every call needs a key' : 'open on this machine, since no key exists'}.` });
      stores.set(Object.entries(status.stores));
      refused.set(status.received?.refused || []);
      jobs.set(status.jobs || []);
      settings.set({ tree });
    },
  };
}

/** Who did what. */
export function auditTab() {
  const list = table({
    name: 'audit', label: 'Audit', sort: '-at',
    columns: [
      { id: 'at', label: 'When', value: (e) => e.at, cell: (e) => when(e.at), width: 'minmax(110px, 0.7fr)' },
      { id: 'actor', label: 'Who', value: (e) => e.actor },
      { id: 'verb', label: 'What', value: (e) => e.verb },
      { id: 'target', label: 'On', value: (e) => e.target, width: 'minmax(120px, 1.6fr)' },
      { id: 'outcome', label: 'Outcome', value: (e) => e.outcome, cell: (e) => health(e.outcome === 'ok' ? 'ok' : 'warning', e.outcome) },
      { id: 'details', label: 'Details', value: (e) => (Object.keys(e.details || {}).length ? JSON.stringify(e.details) : ''), cell: (e) => h('span', { class: 'mono small', title: JSON.stringify(e.details) }, Object.entries(e.details || {}).map(([k, v]) => `${k}: ${typeof v === 'string' ? v : JSON.stringify(v)}`).join(', ')), width: 'minmax(140px, 2fr)' },
    ],
    empty: empty('Nothing was done yet.', { hint: 'Every approval, key, document and executed action is written here.' }),
  });
  return counted(list, 'act', 'kept in the audit');
}

/** Who was told what. */
export function noticesTab() {
  const list = table({
    name: 'notices', label: 'Notices', sort: '-at',
    columns: [
      { id: 'at', label: 'When', value: (n) => n.sent_at ?? n.due_at, cell: (n) => when(n.sent_at ?? n.due_at), width: 'minmax(110px, 0.7fr)' },
      { id: 'notifier', label: 'Notifier', value: (n) => n.notifier },
      { id: 'about', label: 'About', value: (n) => n.notice?.title ?? n.id, cell: (n) => h('span', { title: n.id }, n.notice?.transition ? `${n.notice.transition}: ` : '', n.notice?.title ?? n.id), width: 'minmax(160px, 2fr)' },
      { id: 'state', label: 'State', value: (n) => (n.sent_at ? 'sent' : n.gave_up_at ? 'given up' : 'waiting'), cell: (n) => (n.sent_at ? health('ok', 'sent') : n.gave_up_at ? health('failed', 'given up') : health('waiting', 'waiting')) },
      { id: 'attempts', label: 'Attempts', right: true, value: (n) => n.attempts },
      { id: 'error', label: 'Last error', value: (n) => n.last_error, width: 'minmax(120px, 1.6fr)' },
    ],
    empty: empty('No one was told anything yet.', { hint: 'A notifier is a document: a webhook, signed, or Slack. Each transition of an incident is told once.', command: 'triops apply notifier.yaml' }),
  });
  return counted(list, 'notice', 'sent or waiting');
}

/** @param {ReturnType<typeof table>} list @param {string} one @param {string} tail */
function counted(list, one, tail) {
  const answer = slot(h('p', { class: 'answer' }), ({ n, more }) => sentence(`${count(n, one)}${more ? ' or more' : ''} ${tail}.`));
  return {
    el: h('div', { class: 'page' }, answer.el, h('section', { class: 'card flush' }, list.el)),
    /** @param {any[]} answers */
    set([page]) {
      answer.set({ n: page.items.length, more: Boolean(page.next) });
      list.set(page.items);
    },
  };
}
