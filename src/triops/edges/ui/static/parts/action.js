/** A proposed or executed action: what it will do, how far it reaches, how it is undone; approve or dismiss. */

import { post, seg } from '../api.js';
import { h, say } from '../dom.js';
import { nameOf, when } from '../format.js';
import { health } from './health.js';
import { askReason } from './reason.js';

/** @type {Record<string, string>} */
const SAYS = {
  suggested: 'Suggested: nothing happens unless you run it.',
  waiting: 'Waits for your approval.',
  dismissed: 'Dismissed.',
  denied: 'Refused by policy.',
  running: 'Running now.',
  verifying: 'Done. Watching whether it helped.',
  succeeded: 'It helped: the recovery is verified.',
  failed: 'It failed or did not help.',
  undone: 'It made things worse and was taken back.',
};

/** @param {any} a an action @param {() => void} changed */
export function action(a, changed) {
  const open = a.status === 'suggested' || a.status === 'waiting';
  return h('article', { class: ['action', open && 'asks'], 'aria-label': a.title },
    h('div', { class: 'action-head' }, h('h3', null, a.title), health(a.status)),
    h('p', { class: 'action-says' }, SAYS[a.status] || '', h('span', { class: 'muted' }, decided(a))),
    h('dl', { class: 'facts' },
      h('dt', null, 'Will do'), h('dd', null, a.dry_run || effect(a.effect), h('details', { data: { key: `effect-${a.id}` } }, h('summary', { class: 'small' }, 'exactly'), h('pre', { class: 'small', tabindex: '0' }, JSON.stringify(a.effect, null, 2)))),
      h('dt', null, 'Reaches'), h('dd', null, a.reach || nameOf(a.entity)),
      h('dt', null, 'Undo'), h('dd', null, a.undo ? effect(a.undo) : h('span', { class: 'warning' }, 'none: it cannot be taken back')),
      a.result && [h('dt', null, 'Result'), h('dd', null, a.result.split('\n').join(' · '))],
      a.started_at && [h('dt', null, 'Ran'), h('dd', null, when(a.started_at), a.finished_at ? h('span', { class: 'muted' }, ` · finished after ${Math.max(0, Math.round(a.finished_at - a.started_at))} s`) : null)]),
    open && h('div', { class: 'buttons' },
      h('button', { class: 'primary', type: 'button', data: { focus: `approve-${a.id}` }, on: { click: () => approve(a, changed) } }, a.status === 'waiting' ? 'Approve …' : 'Run it …'),
      h('button', { type: 'button', data: { focus: `dismiss-${a.id}` }, on: { click: () => dismiss(a, changed) } }, 'Dismiss …')));
}

/** @param {any} a */
function decided({ decided_by: by, decided_at: at, reasons = [] }) {
  const why = reasons.join('; ');
  if (!by) return why && ` ${why}`;
  return [why.startsWith(by) ? ' Decided ' : ` Decided by ${by} `, when(at), why && `: ${why}`, '.'];
}

/** @param {any} e */
function effect(e) {
  const { url, method = 'GET', argv, command, json, ...rest } = e.spec || {};
  const what = url ? `${method} ${url}` : [argv || command || Object.entries(rest).map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`).join(', ')].flat().join(' ');
  return h('span', null, e.actuator, ' ', what && h('code', null, what), json && h('code', { class: 'small' }, ' ', JSON.stringify(json)));
}

/** @param {any} a @param {() => void} changed */
function approve(a, changed) {
  askReason({
    title: a.title,
    says: [h('p', null, 'This will ', h('strong', null, a.dry_run || 'run the effect shown on the card'), '.'), h('p', null, 'It reaches ', h('strong', null, a.reach || nameOf(a.entity)), a.undo ? ' and can be undone.' : [' and ', h('strong', { class: 'critical' }, 'cannot be undone'), '.'])],
    act: a.status === 'waiting' ? 'Approve and run' : 'Run it',
    done: async (why) => {
      await post(`/actions/${seg(a.id)}/approve`, { why });
      say('Approved');
      changed();
    },
  });
}

/** @param {any} a @param {() => void} changed */
function dismiss(a, changed) {
  askReason({
    title: `Dismiss: ${a.title}`,
    says: 'Nothing will run. Your reason is kept in the timeline and the audit.',
    act: 'Dismiss',
    done: async (why) => {
      await post(`/actions/${seg(a.id)}/dismiss`, { why });
      say('Dismissed');
      changed();
    },
  });
}
