/** One incident, as four questions: what happened, why, what do we do, did it help? */

import { get, post, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { lasting, when } from '../format.js';
import { action } from '../parts/action.js';
import { charted, claim, evidence, evidenceSeries } from '../parts/evidence.js';
import { health } from '../parts/health.js';
import { hypotheses } from '../parts/hypotheses.js';
import { callsOf } from '../parts/llmseries.js';
import { marksIn } from '../parts/marks.js';
import { askReason } from '../parts/reason.js';
import { timeline } from '../parts/timeline.js';
import { timeseries } from '../parts/timeseries.js';
import { around, link } from '../state.js';
import { answerOf, entityChips, outcome, ranked } from './incident_words.js';

const CHARTS = 4;
/** @type {Record<string, [string, string][]>} */
const MOVES = {
  open: [['acknowledge', 'Acknowledge'], ['mitigate', 'Mitigated'], ['resolve', 'Resolve']],
  acknowledged: [['mitigate', 'Mitigated'], ['resolve', 'Resolve']],
  mitigated: [['resolve', 'Resolve'], ['reopen', 'Reopen']],
  resolved: [['reopen', 'Reopen']],
  reopened: [['acknowledge', 'Acknowledge'], ['mitigate', 'Mitigated'], ['resolve', 'Resolve']],
};

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: `/incidents/${seg(ctx.params.id)}` }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Incident',
  question: 'What happened, why, what do we do, did it help?',
  calls,
  mount(ctx, root) {
    const changed = () => refresh();
    const answer = slot(h('p', { class: 'answer', 'aria-live': 'polite' }), (/** @type {any} */ i) => answerOf(i));
    const facts = slot(h('div', { class: 'incident-facts' }), (/** @type {any} */ i) => [
      h('span', { class: 'fact' }, health(i.severity)), h('span', { class: 'fact' }, health(i.status)),
      h('span', { class: 'fact muted' }, 'opened ', when(i.opened_at)), i.resolved_at && h('span', { class: 'fact muted' }, `lasted ${lasting(i.resolved_at - i.opened_at)}`),
      h('span', { class: 'fact muted' }, i.assignee ? `with ${i.assignee}` : 'with no one', ' ', h('button', { class: 'link', type: 'button', data: { focus: 'assign' }, on: { click: () => assign(i) } }, 'assign …')),
      h('span', { class: 'grow' }), h('div', { class: 'buttons' }, (MOVES[i.status] || []).map(([verb, word]) => h('button', { type: 'button', data: { focus: verb }, on: { click: () => move(verb, word, i) } }, word, ' …')))]);
    const what = slot(h('div'), ({ anomalies, shown, entities }) => [entityChips(ctx, entities), anomalies.length > shown && h('details', { class: 'more', data: { key: 'claims' } }, h('summary', null, `${anomalies.length - shown} more signs`), h('ul', { class: 'claims' }, anomalies.slice(shown).map((/** @type {any} */ a) => h('li', null, claim(a)))))]);
    const charts = h('div', { class: 'evidence-grid' });
    const why = slot(h('div'), (/** @type {any} */ i) => hypotheses(ctx, i));
    const acts = slot(h('div'), (/** @type {any} */ i) => (i.actions.length ? i.actions.map((/** @type {any} */ a) => action(a, changed)) : h('p', { class: 'muted' }, 'Triops proposes nothing: no runbook matches the likely cause. ', h('a', { href: link('/ui/settings', { tab: 'documents' }) }, 'Runbooks'), ' are YAML documents given to ', h('code', null, 'triops apply'), '.')));
    const helped = slot(h('div'), (/** @type {any} */ i) => outcome(i));
    const after = timeseries({ height: 120, label: 'Before and after the action' });
    const afterBox = h('div', { hidden: true }, h('h3', null, 'Before and after'), after.el);
    const lines = slot(h('div'), (/** @type {any} */ i) => timeline(i.timeline));
    const similar = slot(h('div'), (/** @type {any} */ i) => (i.similar?.length ? h('ul', { class: 'plain' }, i.similar.map((/** @type {any} */ s) => h('li', null, h('a', { href: link(`/ui/incidents/${encodeURIComponent(s.id)}`) }, s.title), h('div', { class: 'muted small' }, s.cause && `${s.cause} · `, when(s.opened_at))))) : h('p', { class: 'muted' }, 'None that looked like this.')));
    const block = (/** @type {string} */ n, /** @type {string} */ title, /** @type {any[]} */ ...inside) => h('section', { class: 'card block', 'aria-labelledby': `block-${n}` }, h('h2', { id: `block-${n}` }, h('span', { class: 'step', 'aria-hidden': 'true' }, n), title), inside);
    const layout = h('div', { class: 'columns wide-left', hidden: true },
      h('div', null, block('1', 'What happened', charts, what.el), block('2', 'Why', why.el), block('3', 'What we do', acts.el), block('4', 'Did it help', helped.el, afterBox)),
      h('div', null, h('section', { class: 'card' }, h('h2', null, 'Timeline'), lines.el, commentForm(ctx.params.id, changed)), h('section', { class: 'card' }, h('h2', null, 'Similar incidents'), similar.el)));
    root.append(answer.el, facts.el, layout);
    /** @type {Map<string, ReturnType<typeof evidence>>} */
    const drawn = new Map();

    async function refresh() {
      const [call] = calls(ctx);
      const incident = await get(call.path, {}, ctx.signal);
      const anomalies = ranked(incident);
      ctx.head({ title: incident.title });
      answer.set(incident);
      facts.set(pick(incident, ['severity', 'status', 'opened_at', 'resolved_at', 'assignee', 'id', 'title', 'entities']));
      what.set({ anomalies, shown: Math.min(CHARTS, anomalies.length), entities: incident.entities });
      why.set(pick(incident, ['hypotheses', 'status', 'id']));
      acts.set(pick(incident, ['actions']));
      helped.set(pick(incident, ['actions', 'status', 'onset_at', 'opened_at', 'resolved_at', 'timeline', 'hypotheses', 'anomalies']));
      lines.set(pick(incident, ['timeline']));
      similar.set(pick(incident, ['similar']));
      layout.hidden = false;
      await drawCharts(incident, anomalies.slice(0, CHARTS));
      await drawAfter(incident, anomalies.find(charted));
    }

    /** The first sign, from before the onset to well after what was done about it. @param {any} incident @param {any} sign */
    async function drawAfter(incident, sign) {
      const ran = incident.actions.find((/** @type {any} */ a) => a.started_at);
      afterBox.hidden = !ran || !sign;
      if (!ran || !sign) return;
      const until = Math.min(Date.now() / 1000, (incident.resolved_at || ran.finished_at || Date.now() / 1000) + 300);
      const span = { start: incident.onset_at - 120, end: Math.max(until, ran.started_at + 60) };
      const { series, unit } = await evidenceSeries(sign, span, ctx.signal);
      await after.set({ series, unit, span, marks: { changes: [{ id: ran.id, kind: 'action', entity: ran.entity, title: ran.title, at: ran.started_at }], anomalies: [sign], incidents: [incident] }, focus: ran.id });
    }

    /** @param {any} incident @param {any[]} anomalies */
    async function drawCharts(incident, anomalies) {
      const { from, to } = around(incident.onset_at, incident.resolved_at);
      const span = { start: Number(from), end: to === 'now' ? Date.now() / 1000 : Number(to) };
      const marks = await marksIn(span, ctx.signal);
      for (const [id, part] of drawn) {
        if (anomalies.some((a) => a.id === id)) continue;
        part.leave();
        part.el.remove();
        drawn.delete(id);
      }
      await Promise.all(anomalies.map((a) => {
        let part = drawn.get(a.id);
        if (!part) {
          part = evidence({ zoom: (range) => ctx.go(a.evidence?.llm ? callsOf(a.evidence, range) : link('/ui/metrics', { ...range, q: a.evidence?.selector, service: a.evidence?.service })) });
          drawn.set(a.id, part);
          charts.append(part.el);
        }
        return part.set(a, span, { ...marks, incidents: [incident] }, ctx.signal);
      }));
    }

    /** @param {string} verb @param {string} word @param {any} i */
    function move(verb, word, i) {
      askReason({ title: `${word}: ${i.title}`, act: word, required: verb === 'resolve' || verb === 'reopen', done: async (text) => { await post(`/incidents/${seg(i.id)}/${verb}`, { why: text }); say(word); changed(); } });
    }

    /** @param {any} i */
    function assign(i) {
      askReason({ title: 'Assign', label: 'To whom', act: 'Assign', value: i.assignee, required: false, done: async (assignee) => { await post(`/incidents/${seg(i.id)}/assign`, { assignee }); changed(); } });
    }

    return {
      refresh,
      leave() {
        drawn.forEach((part) => part.leave());
        after.leave();
      },
    };
  },
};

/** @param {any} from @param {string[]} names */
function pick(from, names) {
  return Object.fromEntries(names.map((n) => [n, from[n]]));
}

/** @param {string} id @param {() => void} changed */
function commentForm(id, changed) {
  const input = h('textarea', { rows: 2, maxlength: 8000, 'aria-label': 'Comment', placeholder: 'Write a comment …' });
  return h('form', { class: 'comment', on: { submit: async (/** @type {Event} */ event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    await post(`/incidents/${seg(id)}/comments`, { text }).then(() => { input.value = ''; input.blur(); changed(); }, (error) => say(error.message));
  } } }, input, h('button', { type: 'submit' }, 'Comment'));
}
