/** The labels of a prompt: what each stands for, who put it there and why; moving, sharing, undoing, removing. */

import { ApiError, post, put, remove } from '../api.js';
import { h } from '../dom.js';
import { when, worded } from '../format.js';
import { link } from '../state.js';
import { toldMove } from './approvals.js';
import { ask } from './ask.js';
import { labelBadge, movedText, shareText } from './promptwords.js';

/** @param {string} prompt @param {string} label */
function path(prompt, label) {
  return `/prompts/${encodeURIComponent(prompt)}/labels/${encodeURIComponent(label)}`;
}

/**
 * @param {any} prompt @param {any[]} versions @param {any[]} history
 * @param {{open: (version: string) => void, move: (label: string, version?: string) => void, done: () => void}} how
 */
export function labelCards(prompt, versions, history, { open, move, done }) {
  return Object.entries(prompt.labels).map(([label, version]) => {
    const last = history.find((m) => m.label === label);
    const share = prompt.shares[label];
    const newer = versions.filter((v) => v.version > version && !(share && share[v.version])).length;
    return h('article', { class: 'alias-card label-card', 'aria-label': `Label ${label}` },
      h('div', { class: 'card-head' }, labelBadge(label), h('button', { type: 'button', class: 'link live-version', on: { click: () => open(String(version)) } }, share ? `${Object.keys(share).length} versions` : `version ${version}`)),
      share && shareBar(share, open),
      h('p', { class: 'muted small' }, last ? [last.from ? `from ${movedText(last.from)}, ` : '', `by ${last.who || 'someone'} `, when(last.at), last.why ? `: ${String(last.why).slice(0, 200)}` : ''] : 'no move is recorded', newer ? ` · ${newer} newer` : ''),
      h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'small', 'aria-label': `Move ${label}`, on: { click: () => move(label) } }, 'Move …'),
        h('button', { type: 'button', class: 'small', 'aria-label': `Share ${label} among versions`, on: { click: () => shareOut(prompt, label, done) } }, 'Share …'),
        last && h('button', { type: 'button', class: 'small', 'aria-label': `Undo the last move of ${label}`, on: { click: () => undo(prompt.name, label, last, done) } }, 'Undo …'),
        h('button', { type: 'button', class: 'ghost small', 'aria-label': `Remove ${label}`, on: { click: () => drop(prompt.name, label, done) } }, 'Remove …')));
  });
}

/** @param {Record<string, number>} share @param {(version: string) => void} open */
function shareBar(share, open) {
  const parts = Object.entries(share);
  return h('div', { class: 'label-share' }, h('div', { class: 'label-share-bar', role: 'img', 'aria-label': shareText(share) }, parts.map(([, p], i) => h('i', { style: { width: `${p}%`, background: `var(--chart-${(i % 8) + 1})` } }))),
    h('div', { class: 'label-share-keys small' }, parts.map(([v, p], i) => h('span', null, h('i', { style: { background: `var(--chart-${(i % 8) + 1})` } }), h('button', { type: 'button', class: 'link', on: { click: () => open(v) } }, `version ${v}`), ` ${p} %`))));
}

/**
 * @param {{prompt: any, versions: any[], label?: string, version?: string, usage?: any[], done: () => void}} how
 */
export function moveLabel({ prompt, versions, label = '', version = '', usage = [], done }) {
  const carried = usage.reduce((n, row) => n + row.calls, 0);
  const reach = label && prompt.labels[label] ? [`Callers that ask for “${label}” get it with their next call. `, carried ? h('strong', null, `In the time shown, ${carried.toLocaleString('en')} calls used this prompt.`) : ''] : 'Callers that ask for the label get this version with their next call.';
  const likely = versions.find((v) => v.version !== prompt.labels[label])?.version ?? prompt.latest; // the newest that it is not on
  ask({
    title: label ? `Move the label ${label}` : 'Put a label on a version',
    says: [h('p', null, reach), h('p', null, 'It is recorded as a change, and can be undone.')],
    fields: [
      ...(label ? [] : [/** @type {import('./ask.js').AskField} */ ({ name: 'label', label: 'Label', placeholder: Object.keys(prompt.labels).join(', ') || 'production', most: 255 })]),
      { name: 'version', label: 'Version', kind: 'choice', value: version || String(likely), options: versions.slice(0, 200).map((v) => [String(v.version), `version ${v.version}${v.note ? ` – ${v.note.slice(0, 60)}` : ''}`]) },
      { name: 'why', label: 'Why', kind: 'words', placeholder: 'A few words for those who read this later' },
    ],
    act: 'Move the label',
    done: async (given) => {
      const answer = await put(path(prompt.name, label || given.label), { version: Number(given.version), why: given.why });
      done();
      return () => toldMove(answer);
    },
  });
}

/** @param {any} prompt @param {string} label @param {() => void} done */
function shareOut(prompt, label, done) {
  const now = prompt.shares[label] || { [prompt.labels[label]]: 100 };
  ask({
    title: `Share ${label} among versions`,
    says: h('p', null, 'Each call that asks for the label gets one of them, by these percents.'),
    fields: [{ name: 'share', label: 'Percents by version, together 100', value: Object.entries(now).map(([v, p]) => `${v}: ${p}`).join(', '), placeholder: '2: 90, 3: 10', most: 300 }, { name: 'why', label: 'Why', kind: 'words', placeholder: 'What is to be found out' }],
    act: 'Share the traffic',
    done: async ({ share, why }) => {
      const parts = share.split(/[,;]/).map((p) => p.replace('%', '').split(':').map((x) => x.trim())).filter((p) => p[0]);
      const sum = parts.reduce((n, [, p]) => n + Number(p), 0);
      if (sum !== 100) throw new ApiError(400, { message: `The percents are together ${Number.isNaN(sum) ? 'no number' : sum}, not 100.` });
      const answer = await put(path(prompt.name, label), { share: Object.fromEntries(parts.map(([v, p]) => [v, Number(p)])), why });
      done();
      return () => toldMove(answer);
    },
  });
}

/** @param {string} prompt @param {string} label @param {any} last @param {() => void} done */
function undo(prompt, label, last, done) {
  ask({ title: `Undo the last move of ${label}`, says: `The label goes back to ${movedText(last.from)}. The history keeps both.`, fields: [{ name: 'why', label: 'Why', kind: 'words', placeholder: 'What went wrong' }], act: 'Undo', done: async ({ why }) => {
    const answer = await post(`${path(prompt, label)}/undo`, { why });
    done();
    return () => toldMove(answer);
  } });
}

/** @param {string} prompt @param {string} label @param {() => void} done */
function drop(prompt, label, done) {
  ask({ title: `Remove the label ${label}`, says: 'Callers that ask for it are refused from then on.', fields: [{ name: 'why', label: 'Why', kind: 'words' }], act: 'Remove', tone: 'danger', done: async ({ why }) => {
    const answer = await remove(path(prompt, label), { why });
    done();
    return () => toldMove(answer);
  } });
}

/** Who made, moved and removed what, newest first. @param {any[]} items */
export function promptHistory(items) {
  if (!items.length) return h('p', { class: 'muted' }, 'Nothing has happened to this prompt yet.');
  return h('ul', { class: 'lines' }, items.map((m) => h('li', { class: 'line' }, h('span', { class: 'tag' }, m.label ? 'label' : m.kind === 'registration' ? (m.version ? 'version' : 'prompt') : worded(m.kind)),
    h('div', { class: 'line-body' }, m.label ? [labelBadge(m.label), ' ', h('span', { class: 'muted' }, `${m.from ? movedText(m.from) : 'nothing'} → `), m.to ? movedText(m.to) : 'removed'] : m.version ? `version ${m.version} was written` : 'the prompt was made',
      h('div', { class: 'muted small' }, m.who || 'someone', m.why ? `: ${m.why}` : '')),
    h('div', { class: 'line-side small' }, when(m.at), m.change && h('div', null, h('a', { href: link('/ui/changes', { change: m.change }) }, 'as a change'))))));
}
