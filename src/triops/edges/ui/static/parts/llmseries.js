/** The numbers behind a claim about models' calls: how they fared over time, and which calls those are. */

import { get } from '../api.js';
import { link, stepFor } from '../state.js';

/** Measures as the detector names them → series of /llm/series (name, value of a step), their unit.
 * @type {Record<string, [[string, (step: any) => number|null][], string]>} */
const MEASURES = {
  latency: [[['average', (s) => s.ms], ['p95', (s) => s.ms_p95]], 'ms'],
  first_token: [[['first token', (s) => s.first_ms]], 'ms'],
  cost: [[['a call', (s) => (s.costed ? Number(s.cost_usd) / s.costed : null)]], 'USD'],
  input_tokens: [[['tokens in', (s) => s.input_tokens]], '{token}'],
  output_tokens: [[['tokens out', (s) => s.output_tokens]], '{token}'],
  output_length: [[['length of an answer', (s) => s.output_chars]], '{character}'],
  errors: [[['failed', (s) => s.failed / s.calls]], 'ratio'],
};
const POINTS = 60; // fewer calls come than requests
const PAUSE = 4; // steps without a call that are a gap

/** Whether a measure is kept over time: what was in the words is judged as it comes. @param {string} measure */
export function hasSeries(measure) {
  return measure in MEASURES;
}

/** The filters of /llm/series and /llm/traces that mean an entity. @param {Record<string, string>} of kind → name @returns {Record<string, string>} */
function filters({ llm, ...of }) {
  if (!llm) return of;
  const [provider, ...model] = llm.split('/');
  return model.length ? { provider, model: model.join('/') } : { model: llm };
}

/** The calls themselves. @param {any} ev evidence of a claim @param {{from?: string, to?: string}} range */
export function callsOf(ev, range) {
  return link('/ui/llm', { ...filters(ev.llm), ...range, status: ev.measure === 'errors' ? 'error' : null });
}

/** @param {any} ev evidence of a claim @param {import('../state.js').Span} span @param {AbortSignal} signal @returns {Promise<{series: import('./timeseries.js').Series[], unit: string}>} */
export async function callSeries(ev, span, signal) {
  if (!hasSeries(ev.measure)) return { series: [], unit: '' };
  const [fields, unit] = MEASURES[ev.measure];
  const { items, step } = await get('/llm/series', { ...filters(ev.llm), start: span.start, end: span.end, step: stepFor(span, POINTS) }, signal);
  return { series: items.length ? fields.map(([name, value]) => ({ name, points: points(items, value, step) })) : [], unit };
}

/** @param {any[]} items @param {(step: any) => number|null} value @param {number} step @returns {[number, number|null][]} */
function points(items, value, step) {
  return items.flatMap((item, i) => {
    const silent = i && item.time - items[i - 1].time > PAUSE * step;
    return /** @type {[number, number|null][]} */ ([...(silent ? [[item.time - step, null]] : []), ...(value(item) === null ? [] : [[item.time, value(item)]])]);
  });
}
