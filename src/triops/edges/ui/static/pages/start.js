/** Start: what to set for what you run; each way ticks when its first data arrive. */

import { get } from '../api.js';
import { h, slot } from '../dom.js';
import { count, lasting, sentence, short, when } from '../format.js';
import { icon } from '../icons.js';
import { code } from '../parts/code.js';
import { link } from '../state.js';
import { waysOf } from './start_ways.js';

/** @type {Record<string, string>} */
const WORDS = { traces: 'traces', metrics: 'metrics', logs: 'logs', remote_write: 'Prometheus samples', alertmanager: 'alerts', events: 'events', changes: 'changes', host: 'figures of this host', mlflow: 'training runs', llm: 'calls of language models' };

/** @type {import('../routes.js').Page} */
export default {
  title: 'Start',
  question: 'What do I set, so that Triops sees what I run?',
  timeless: true,
  calls: () => [{ path: '/start' }, { path: '/experiments', params: { limit: 1000 } }, { path: '/spend', params: { every: 86400 } }],
  mount(ctx, root) {
    const answer = slot(h('p', { class: 'answer', 'aria-live': 'polite' }), ({ text }) => text);
    const learning = slot(h('section', { class: 'card', hidden: true }), ({ left, series, learningSeries }) => {
      const known = series ? (series - learningSeries) / series : 0;
      return [h('h2', null, 'Learning what is normal'), h('p', null, series && !learningSeries ? `The detectors know the normal behaviour of ${count(series, 'series', 'series')}.` : series ? `${short(series - learningSeries)} of ${count(series, 'series', 'series')} learned${left ? `; all of them in about ${lasting(left)}` : ''}. Until then new series raise no alarm.` : 'The detectors begin with the first data; the first few minutes raise no alarm.'),
        h('div', { class: 'progress', role: 'progressbar', 'aria-label': 'Series learned', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(known * 100) }, h('i', { style: { width: `${known * 100}%` } }))];
    });
    const quick = slot(h('section', { class: 'card', hidden: true }), ({ base }) => [h('h2', null, 'The three variables'), h('p', { class: 'muted' }, 'Triops speaks the protocols you already use. Set what applies where your programs run:'),
      code(`OTEL_EXPORTER_OTLP_ENDPOINT=${base}`, 'Telemetry of services: works today, over HTTP and gRPC on the same port'),
      code(`MLFLOW_TRACKING_URI=${base}`, 'Training: runs, artifacts and the model registry, for the MLflow client as it is'),
      code(`OPENAI_BASE_URL=${base}/v1`, 'Language models: every call with what it cost and said, for OpenAI, Anthropic and Ollama clients as they are')]);
    const list = h('div', { class: 'ways' });
    root.append(answer.el, quick.el, learning.el, list);
    /** @type {Map<string, {el: any, note: any}>} */ const ways = new Map();

    return {
      async refresh() {
        const [data, tried, spent] = await Promise.all([get('/start', {}, ctx.signal), get('/experiments', { limit: 1000 }, ctx.signal), get('/spend', { every: 86400 }, ctx.signal)]);
        data.sources.push(runsAsSource(tried.items), callsAsSource(spent));
        const seen = new Map(data.sources.map((/** @type {any} */ s) => [s.id, s]));
        if (!ways.size) for (const way of waysOf(data.base_url, data.otlp_grpc)) {
          const note = h('span', { class: 'muted small' });
          const el = h('details', { class: 'way', data: { key: way.id } }, h('summary', null, h('span', { class: 'tick-mark' }, icon('tick', 14)), h('strong', null, way.title), h('span', { class: 'grow' }), note), h('div', { class: 'way-body' }, way.says && h('p', { class: 'muted' }, way.says), way.codes.map(([label, text]) => code(text, label))));
          ways.set(way.id, { el, note });
          list.append(el);
        }
        for (const way of waysOf(data.base_url, data.otlp_grpc)) {
          const arrived = way.sources.map((id) => seen.get(id)).filter((s) => s?.first_seen);
          const part = ways.get(way.id);
          part?.el.classList.toggle('done', arrived.length > 0);
          part?.note.replaceChildren(...(arrived.length ? [h('span', { class: 'good' }, 'arrived '), when(Math.min(...arrived.map((s) => s.first_seen))), ` · ${short(arrived.reduce((n, s) => n + s.rows, 0))} ${arrived[0].of || 'rows'}`] : ['nothing yet']));
        }
        const first = !data.sources.some((/** @type {any} */ s) => s.first_seen && s.id !== 'host');
        if (first && !list.querySelector('details[open]')) list.querySelector('details')?.setAttribute('open', '');
        const kinds = data.sources.filter((/** @type {any} */ s) => s.first_seen).map((/** @type {any} */ s) => WORDS[s.id] || s.title);
        answer.set({ text: kinds.length ? [sentence(`${kinds.length > 1 ? `${kinds.slice(0, -1).join(', ')} and ${kinds[kinds.length - 1]}` : kinds[0]} arrive.`), ' ', h('a', { href: link('/ui') }, 'See the overview')] : 'Nothing has arrived yet. Choose what you run; each line ticks by itself when its first data come in.' });
        const l = data.learning;
        learning.set({ left: l.ready_at ? Math.max(0, Math.round((l.ready_at - Date.now() / 1000) / 10) * 10) : 0, series: l.series, learningSeries: l.learning_series });
        quick.set({ base: data.base_url });
        learning.el.hidden = quick.el.hidden = false;
      },
    };
  },
};

/** Runs as a way of sending: what is kept says so, also after a restart. @param {any[]} experiments */
function runsAsSource(experiments) {
  const busy = experiments.filter((e) => e.runs > 0);
  return { id: 'mlflow', title: 'training runs', first_seen: busy.length ? Math.min(...busy.map((e) => e.created_at)) : null, rows: busy.reduce((n, e) => n + e.runs, 0), of: 'runs' };
}

/** Calls through the gateway, of this month. @param {any} spent */
function callsAsSource({ rows, total }) {
  return { id: 'llm', title: 'calls of language models', first_seen: rows.length ? rows[0].at : null, rows: total.requests, of: 'calls this month' };
}
