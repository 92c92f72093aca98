/** Moves of a model's alias or a prompt's label that wait for a person: what they ask, what the checks say, approve or reject. */

import { post, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { when } from '../format.js';
import { notice } from './dialog.js';
import { health } from './health.js';
import { labelBadge, promptPath } from './promptwords.js';
import { askReason } from './reason.js';
import { aliasBadge, modelPath } from './runwords.js';

/**
 * A section that is there while something waits.
 * @param {() => void} done @param {{named?: boolean, chosen?: () => string|null}} [how] `named`: say which model or prompt; `chosen`: the id of one that stands out
 */
export function inbox(done, { named = true, chosen = () => null } = {}) {
  const el = h('section', { class: 'inbox', hidden: true });
  const held = slot(el, ({ items, marked }) => [h('h2', null, 'Waits for an approval'), h('div', null, items.map((/** @type {any} */ a) => one(a, done, named, a.id === marked)))]);
  return {
    el,
    /** @param {any[]} items */
    set(items) {
      el.hidden = !items.length;
      held.set({ items, marked: chosen() });
    },
  };
}

/** @param {any} a @param {() => void} done @param {boolean} named @param {boolean} chosen */
function one(a, done, named, chosen) {
  const prompt = a.kind === 'prompt';
  const noun = prompt ? 'label' : 'alias';
  const name = prompt ? `the label ${a.alias} of ${a.model}` : `@${a.alias} of ${a.model}`;
  const move = `${a.from ? `version ${a.from} → ` : ''}${a.to ? `version ${a.to}` : 'no version'}`;
  const failing = (a.checks || []).filter((/** @type {any} */ c) => !c.passed).length;
  const decide = (/** @type {string} */ verb) => askReason({ title: `${verb === 'approve' ? 'Approve' : 'Reject'} ${name}`, says: h('div', null, h('p', null, verb === 'approve' ? `The ${noun} moves at once: ${move}.` : `The ${noun} stays where it is.`), verb === 'approve' && failing > 0 ? h('p', { class: 'warning' }, `${failing} of its checks did not pass.`) : ''), act: verb === 'approve' ? 'Approve and move' : 'Reject', tone: verb === 'approve' ? 'primary' : 'danger', done: async (why) => {
    await post(`/approvals/${seg(a.id)}/${verb}`, { why });
    say(verb === 'approve' ? 'Approved' : 'Rejected');
    done();
  } });
  return h('article', { class: ['approval', chosen && 'chosen'], 'aria-label': `Approval of ${a.alias}` },
    h('div', { class: 'action-head' }, h('h3', null, named && [h('a', { href: prompt ? promptPath(a.model) : modelPath(a.model) }, a.model), ' '], prompt ? labelBadge(a.alias) : aliasBadge(a.alias), ' ', move), a.role && h('span', { class: 'tag' }, `needs ${a.role}${a.not_self ? ', not who asked' : ''}`)),
    h('p', { class: 'action-says' }, `${a.asked_by || 'someone'} asks: `, a.why ? `“${a.why}” ` : 'no reason was given. ', h('span', { class: 'muted small' }, when(a.asked_at), a.expires_at ? [' · void ', when(a.expires_at)] : '')),
    checksList(a.checks),
    h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'primary', on: { click: () => decide('approve') } }, 'Approve …'), h('button', { type: 'button', on: { click: () => decide('reject') } }, 'Reject …'), look(a)));
}

/** Where one sees what one decides on. @param {any} a */
function look(a) {
  if (a.kind !== 'prompt') return a.to && h('a', { class: 'button', href: modelPath(a.model, { v: a.to, tab: 'lineage' }) }, `Where version ${a.to} comes from`);
  if (a.from && a.to) return h('a', { class: 'button', href: promptPath(a.model, { tab: 'diff', a: a.from, b: a.to }) }, 'What changes');
  return a.to && h('a', { class: 'button', href: promptPath(a.model, { v: a.to }) }, `Read version ${a.to}`);
}

/** @param {any[]|undefined} checks */
export function checksList(checks) {
  if (!checks?.length) return null;
  return h('ul', { class: 'checks' }, checks.map((c) => h('li', null, health(c.passed ? 'ok' : 'failed', c.passed ? 'passed' : 'failed'), h('strong', null, c.name), h('span', { class: 'muted' }, c.text))));
}

/** What became of a move that was asked for: a person must not have to guess. @param {{state: string, reasons: any[], approval?: any}} answer */
export function toldMove({ state, reasons, approval }) {
  if (state === 'moved') return say('Done');
  notice({ title: state === 'waiting' ? 'It waits for an approval' : 'The gate refused it' },
    reasons.length > 0 && h('ul', { class: 'plain' }, reasons.map((r) => h('li', null, typeof r === 'string' ? r : r.text || JSON.stringify(r)))), checksList(approval?.checks));
}
