/** An incident in words: its one-sentence answer, its signs in order, how it ended. Pure but for the elements it makes. */

import { h } from '../dom.js';
import { clock, lasting, nameOf, percent, text, typeOf, when } from '../format.js';
import { health } from '../parts/health.js';
import { icon } from '../icons.js';

/** Its anomalies, what users feel first, then those of the likely cause, then by severity and score. @param {any} incident @returns {any[]} */
export function ranked(incident) {
  const weight = (/** @type {any} */ a) => (a.symptom ? 1000 : 0) + (a.entity === incident.hypotheses?.[0]?.entity ? 500 : 0) + (a.severity === 'critical' ? 100 : a.severity === 'warning' ? 50 : 0) + Math.min(a.score || 0, 40);
  return [...incident.anomalies].sort((a, b) => weight(b) - weight(a) || a.started_at - b.started_at);
}

/** @param {any} i */
export function answerOf(i) {
  const top = ranked(i)[0];
  const cause = i.hypotheses?.[0];
  const acting = i.actions?.find((/** @type {any} */ a) => ['waiting', 'running', 'verifying'].includes(a.status)) || i.actions?.find((/** @type {any} */ a) => a.status === 'succeeded');
  const out = [];
  if (top) out.push(h('b', null, top.title || `${top.kind} of ${top.signal} on ${nameOf(top.entity)}`), top.expected !== null && top.expected !== undefined && !/usual|normal|instead|expected/.test(top.title || '') ? `, normally ${text(top.expected, top.unit)}` : '', `, since ${clock(i.onset_at)}. `);
  if (cause?.entity) out.push('Most likely ', h('b', null, cause.title), ` (${percent(cause.probability)}). `);
  else out.push('The evidence does not tell a cause yet. ');
  if (i.status === 'resolved') out.push(`Resolved after ${lasting(i.resolved_at - i.opened_at)}${acting?.status === 'succeeded' ? ` by “${acting.title}”` : ''}.`);
  else if (acting?.status === 'waiting') out.push(h('button', { type: 'button', class: 'link', on: { click: () => document.getElementById('block-3')?.scrollIntoView({ block: 'start', behavior: 'smooth' }) } }, h('b', null, `“${acting.title}” waits for your approval.`)));
  else if (acting?.status === 'running') out.push(`“${acting.title}” is running.`);
  else if (acting?.status === 'succeeded' && i.status === 'reopened') out.push(`“${acting.title}” had helped; then it came back.`);
  else if (acting?.status === 'succeeded') out.push(`“${acting.title}” helped: the recovery is verified; it closes when it stays so.`);
  else if (acting?.status === 'verifying') out.push(`“${acting.title}” is done; watching whether it helps.`);
  return out;
}

/** @param {import('../visit.js').Visit} ctx @param {string[]} entities */
export function entityChips(ctx, entities) {
  return h('div', { class: 'chips' }, h('span', { class: 'muted small' }, 'Touches'), entities.map((id) => h('button', { type: 'button', class: 'chip', title: `${typeOf(id)} ${nameOf(id)}`, on: { click: () => ctx.panel(id) } }, icon(typeOf(id), 14), nameOf(id))));
}

/** Block four: what was done, what the signals say since, how long each step took. @param {any} i */
export function outcome(i) {
  const done = (i.actions || []).filter((/** @type {any} */ a) => a.started_at);
  const still = i.anomalies.filter((/** @type {any} */ a) => !a.ended_at);
  const verdict = i.status === 'resolved'
    ? [health('resolved', 'Recovered'), ` All ${i.anomalies.length === 1 ? 'of it is' : `${i.anomalies.length} signs are`} back to normal, ${lasting(i.resolved_at - i.onset_at)} after the onset.`]
    : !done.length ? [h('span', { class: 'muted' }, 'Nothing was done yet. '), `${still.length} of ${i.anomalies.length} signs persist.`]
    : [health(done[done.length - 1].status), ` ${still.length ? `${still.length} of ${i.anomalies.length} signs persist.` : 'No sign persists.'}`, verifying(done[done.length - 1])];
  return [h('p', null, verdict), steps(i, done),
    done.map((/** @type {any} */ a) => h('p', { class: 'small' }, h('b', null, a.title), ' ', h('span', { class: 'muted' }, 'ran ', when(a.started_at), a.result && `: ${a.result.split('\n').join(' · ')}`)))];
}

/** @param {any} a */
function verifying(a) {
  const left = (a.verify_until || 0) - Date.now() / 1000;
  return a.status === 'verifying' && left > 0 ? h('span', { class: 'muted' }, ` The verdict comes within ${lasting(left)}.`) : null;
}

/** How long each step of the loop took, from the onset. @param {any} i @param {any[]} done */
function steps(i, done) {
  const first = Math.min(...i.anomalies.map((/** @type {any} */ a) => a.detected_at), Infinity);
  const cause = i.timeline.find((/** @type {any} */ e) => e.kind === 'hypothesis');
  /** @type {[string, number|null|undefined][]} */
  const list = [['Onset', i.onset_at], ['Seen', Number.isFinite(first) ? first : null], ['Incident', i.opened_at], ['Cause ranked', cause?.at], ['Decided', done[0]?.decided_at], ['Ran', done[0]?.started_at], ['Verified', done[0]?.status === 'succeeded' ? done[0].finished_at : null], ['Resolved', i.resolved_at]];
  return h('ol', { class: 'steps' }, list.map(([name, at]) => h('li', { class: at ? 'reached' : '' }, h('span', { class: 'steps-name' }, name), h('span', { class: 'steps-at' }, !at ? '–' : at === i.onset_at ? clock(at) : `+${lasting(Math.max(0, at - i.onset_at))}`))));
}
