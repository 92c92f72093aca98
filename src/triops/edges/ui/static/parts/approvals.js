/** Moves of an alias that wait for a person: what they ask, what the gate's checks say, approve or reject. */

import { post, seg } from '../api.js';
import { h, say } from '../dom.js';
import { when } from '../format.js';
import { health } from './health.js';
import { askReason } from './reason.js';
import { aliasBadge, modelPath } from './runwords.js';

/** @param {any[]} list approvals @param {() => void} done @param {{named?: boolean}} [how] `named`: say which model */
export function approvals(list, done, { named = true } = {}) {
  return h('div', null, list.map((a) => one(a, done, named)));
}

/** @param {any} a @param {() => void} done @param {boolean} named */
function one(a, done, named) {
  const move = `${a.from ? `version ${a.from} → ` : ''}${a.to ? `version ${a.to}` : 'no version'}`;
  const failing = (a.checks || []).filter((/** @type {any} */ c) => !c.passed).length;
  const decide = (/** @type {string} */ verb) => askReason({ title: verb === 'approve' ? `Approve @${a.alias} of ${a.model}` : `Reject @${a.alias} of ${a.model}`, says: h('div', null, h('p', null, verb === 'approve' ? `The alias moves at once: ${move}.` : 'The alias stays where it is.'), verb === 'approve' && failing > 0 ? h('p', { class: 'warning' }, `${failing} of its checks did not pass.`) : ''), act: verb === 'approve' ? 'Approve and move' : 'Reject', tone: verb === 'approve' ? 'primary' : 'danger', done: async (why) => {
    await post(`/approvals/${seg(a.id)}/${verb}`, { why });
    say(verb === 'approve' ? 'Approved' : 'Rejected');
    done();
  } });
  return h('article', { class: 'approval', 'aria-label': `Approval of ${a.alias}` },
    h('div', { class: 'action-head' }, h('h3', null, named && [h('a', { href: modelPath(a.model) }, a.model), ' '], aliasBadge(a.alias), ' ', move), a.role && h('span', { class: 'tag' }, `needs ${a.role}${a.not_self ? ', not who asked' : ''}`)),
    h('p', { class: 'action-says' }, `${a.asked_by || 'someone'} asks: `, a.why ? `“${a.why}” ` : 'no reason was given. ', h('span', { class: 'muted small' }, when(a.asked_at), a.expires_at ? [' · void ', when(a.expires_at)] : '')),
    checksList(a.checks),
    h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'primary', on: { click: () => decide('approve') } }, 'Approve …'), h('button', { type: 'button', on: { click: () => decide('reject') } }, 'Reject …')));
}

/** @param {any[]|undefined} checks */
export function checksList(checks) {
  if (!checks?.length) return null;
  return h('ul', { class: 'checks' }, checks.map((c) => h('li', null, health(c.passed ? 'ok' : 'failed', c.passed ? 'passed' : 'failed'), h('strong', null, c.name), h('span', { class: 'muted' }, c.text))));
}
