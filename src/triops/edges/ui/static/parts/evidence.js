/** One claim of a detector: its words, its chart, where to see more. */

import { get } from '../api.js';
import { h } from '../dom.js';
import { lasting, nameOf, text, typeOf, when } from '../format.js';
import { around, link, stepFor } from '../state.js';
import { health } from './health.js';
import { named, unitOf } from './labels.js';
import { callSeries, callsOf, hasSeries } from './llmseries.js';
import { timeseries } from './timeseries.js';

/** RED measures as detectors name them → field, unit */
const MEASURES = {
  latency: ['ms_p95', 'ms'], ms_p50: ['ms_p50', 'ms'], ms_p95: ['ms_p95', 'ms'], ms_p99: ['ms_p99', 'ms'], p95: ['ms_p95', 'ms'], p99: ['ms_p99', 'ms'], p50: ['ms_p50', 'ms'],
  ms_avg: ['ms_avg', 'ms'], self_ms_avg: ['self_ms_avg', 'ms'], duration: ['ms_p95', 'ms'], error_ratio: ['error_ratio', 'ratio'], errors: ['error_ratio', 'ratio'], rate: ['rate', '/s'], missing: ['rate', '/s'],
};

/** @type {Record<string, string>} */
const NAMES = { ms_avg: 'average', ms_p95: 'p95', ms_p50: 'p50', ms_p99: 'p99', error_ratio: 'errors', rate: 'requests' };

/** Where a claim can be looked at. @param {any} a an anomaly */
export function placeOfEvidence(a) {
  const ev = a.evidence || {};
  if (ev.selector) return link('/ui/metrics', { q: ev.selector });
  if (ev.budget) return link('/ui/cost', spender(a));
  if (ev.llm) return callsOf(ev, around(a.started_at, a.ended_at));
  if (ev.query || ev.template_id) return link('/ui/logs', { query: ev.query, template: ev.template_id, service: ev.service });
  const service = ev.service || (ev.source ? nameOf(ev.source) : '');
  return service ? link('/ui/traces', { service, status: ev.measure === 'errors' ? 'error' : null }) : link(`/ui/entities/${encodeURIComponent(a.entity)}`);
}

/** Whose money a claim of a budget is about, as /spend narrows to it; the project's is everyone's. @param {any} a */
function spender(a) {
  return typeOf(a.entity) === 'project' ? {} : { [typeOf(a.entity)]: nameOf(a.entity) };
}

/**
 * The numbers behind a claim. @param {any} a an anomaly @param {import('../state.js').Span} span @param {AbortSignal} signal
 * @returns {Promise<{series: import('./timeseries.js').Series[], unit: string}>}
 */
export async function evidenceSeries(a, span, signal) {
  const ev = a.evidence || {};
  const range = { start: span.start, end: span.end, step: stepFor(span) };
  if (ev.selector) {
    const { series } = await get('/metrics/series', { match: ev.selector, ...range, limit: 12 }, signal);
    return { series: named(series), unit: unitOf(series[0]) || a.unit };
  }
  if (ev.budget) {
    const every = Math.max(1, Math.round(range.step));
    const { rows } = await get('/spend', { ...spender(a), start: span.start, end: span.end, every }, signal);
    const first = Math.floor(span.start / every) * every;
    const spent = new Map(rows.map((/** @type {any} */ r) => [r.at, Number(r.cost_usd)]));
    return { series: rows.length ? [{ name: 'spent', points: Array.from({ length: Math.ceil((span.end - first) / every) }, (_, i) => [first + i * every, spent.get(first + i * every) || 0]) }] : [], unit: 'USD' };
  }
  if (ev.llm) return callSeries(ev, span, signal);
  const target = ev.target || (ev.service ? `service:${ev.service}` : a.entity.startsWith('service:') ? a.entity : '');
  const asked = nameOf(ev.source || target);
  if (!target) return { series: [], unit: a.unit };
  if (a.kind === 'surge' || ev.severity || ev.band) {
    const { items } = await get('/logs/histogram', { service: asked, ...range }, signal);
    return { series: bands(items), unit: '' };
  }
  const [field, unit] = MEASURES[/** @type {keyof typeof MEASURES} */ (ev.measure || a.kind)] || MEASURES.latency;
  const { items } = await get('/red', { service: asked, ...range }, signal);
  const rows = items.filter((/** @type {any} */ r) => (r.source || '') === (ev.source || '') && r.target === target);
  const fields = field === 'ms_p95' ? ['ms_avg', 'ms_p95'] : [field];
  return { series: rows.length ? fields.map((f) => ({ name: NAMES[f] || f, points: gaps(rows.map((/** @type {any} */ r) => [r.time, r[f]]), range.step) })) : [], unit };
}

/** Missing buckets become gaps. @param {[number, number|null][]} points @param {number} step */
export function gaps(points, step) {
  const sorted = [...points].sort((a, b) => a[0] - b[0]);
  /** @type {[number, number|null][]} */
  const out = [];
  for (const p of sorted) {
    const before = out[out.length - 1];
    if (before && p[0] - before[0] > 1.6 * step) out.push([before[0] + step, null]);
    out.push(p);
  }
  return out;
}

/** A log histogram as stacked series. @param {{time: number, band: string, count: number}[]} items */
export function bands(items) {
  // Bars stack by position, not by time: each band needs a count for each moment.
  const times = [...new Set(items.map((i) => i.time))].sort((a, b) => a - b);
  const counts = new Map(items.map((i) => [`${i.band}|${i.time}`, i.count]));
  const style = getComputedStyle(document.documentElement);
  return [['info', '--chart-7'], ['warning', '--warning'], ['error', '--critical']].map(([band, color]) => ({
    name: band,
    color: style.getPropertyValue(color).trim(),
    points: /** @type {[number, number][]} */ (times.map((t) => [t, counts.get(`${band}|${t}`) || 0])),
  })).filter((s) => s.points.some((p) => p[1]));
}

/** @param {{zoom?: (range: import('../state.js').Range) => void}} how */
export function evidence({ zoom } = {}) {
  const words = h('div', { class: 'evidence-head' });
  const chart = timeseries({ height: 132, zoom, label: 'Evidence' });
  const el = h('section', { class: 'evidence' }, words, chart.el);
  return {
    el,
    leave: chart.leave,
    /** @param {any} a @param {import('../state.js').Span} span @param {import('./marks.js').Marks} marks @param {AbortSignal} signal */
    async set(a, span, marks, signal) {
      words.replaceChildren(...claim(a));
      const { series, unit } = await evidenceSeries(a, span, signal);
      chart.el.hidden = !charted(a);
      if (charted(a)) await chart.set({ series, unit, span, marks: { ...marks, anomalies: [a] }, threshold: a.expected !== null && a.expected !== undefined && series.length <= 2 && (unit === a.unit || (unit === 'ratio' && a.unit === '1')) ? { value: a.expected, name: 'expected' } : undefined });
    },
  };
}

/** Whether there are numbers over time behind it. @param {any} a */
export function charted({ entity, evidence: ev = {} }) {
  return ev.llm ? hasSeries(ev.measure) : Boolean(ev.selector || ev.budget || ev.service || ev.target || ev.source || entity.startsWith('service:'));
}

/** @param {any} a */
export function claim(a) {
  const ratio = a.value !== null && a.expected ? a.value / a.expected : null;
  return [
    h('div', { class: 'evidence-title' }, health(a.severity, ''), ' ', h('strong', null, a.title || `${a.kind} of ${a.signal}`), ' ', h('a', { class: 'small', href: placeOfEvidence(a) }, 'look closer')),
    h('div', { class: 'muted small' },
      a.value !== null && a.value !== undefined && !/\d/.test(a.title) && [h('b', { class: 'ink' }, text(a.value, a.unit)), a.expected !== null && a.expected !== undefined ? [' where ', text(a.expected, a.unit), ' was expected'] : '', ratio && ratio >= 1.5 ? `, ${ratio.toFixed(ratio < 10 ? 1 : 0)} times as much` : '', ' · '],
      'since ', when(a.started_at), a.ended_at ? ` for ${lasting(a.ended_at - a.started_at)}` : ', still', h('span', { title: 'How unlikely this is when nothing is wrong' }, a.score > 15 ? ' · below 1 in 10' : ' · 1 in 10', h('sup', null, String(Math.min(15, Math.round(a.score))))), ` · ${a.detector}`, examples(a)),
  ];
}

/** A few requests that show it. @param {any} a */
function examples(a) {
  const ids = (a.evidence?.trace_ids || []).slice(0, 3);
  return ids.length > 0 && [' · traces', ids.map((/** @type {string} */ id, /** @type {number} */ i) => [' ', h('a', { href: link(`/ui/traces/${encodeURIComponent(id)}`) }, String(i + 1))])];
}
