/** What happened meanwhile, for every chart: changes, anomalies and incidents in a range, read once a refresh. */

import { get } from '../api.js';

/** @typedef {{changes: any[], anomalies: any[], incidents: any[]}} Marks */

/** @param {import('../state.js').Span} span @param {AbortSignal} signal @returns {Promise<Marks>} */
export async function marksIn(span, signal) {
  const params = { start: span.start, end: span.end, limit: 200 };
  const lists = await Promise.all(['/changes', '/anomalies', '/incidents'].map((path) => get(path, params, signal).catch((e) => {
    if (e.name === 'AbortError') throw e;
    return { items: [] };
  })));
  return { changes: lists[0].items, anomalies: lists[1].items, incidents: lists[2].items };
}

/** Only what belongs to one entity; changes of others stay, since they may be the cause. @param {Marks} marks @param {string} entity @returns {Marks} */
export function marksOf(marks, entity) {
  return { changes: marks.changes, anomalies: marks.anomalies.filter((a) => a.entity === entity), incidents: marks.incidents.filter((i) => i.entities.includes(entity)) };
}
