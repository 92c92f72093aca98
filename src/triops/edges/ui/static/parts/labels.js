/** Names and units of metric series, as people read them. Pure. */

/** Series by what tells them apart: labels that all share say nothing. @param {any[]} series @returns {import('./timeseries.js').Series[]} */
export function named(series) {
  const shared = common(series);
  return series.map((s) => ({ name: labelsOf(Object.fromEntries(Object.entries(s.labels).filter(([k]) => k === '__name__' || !shared.has(k)))), points: s.points }));
}

/** Labels as people write them, without the metric's name when it is the only thing said. @param {Record<string, string>} labels */
export function labelsOf(labels) {
  const { __name__: name, ...rest } = labels;
  const inner = Object.entries(rest).map(([k, v]) => `${k}=${v}`).join(' ');
  return inner || name || 'value';
}

/** A ratio that OpenTelemetry sends as unit 1 reads better as per cent. @param {any} series @param {any} [agg] */
export function unitOf(series, agg) {
  if (!series) return '';
  const name = series.labels.__name__ || '';
  if (series.unit === '1' && /utilization|ratio/.test(name)) return 'ratio';
  return agg === 'rate' && !series.unit?.endsWith('/s') ? `${series.unit === '1' || series.unit?.startsWith('{') ? '' : series.unit || ''}/s` : series.unit || '';
}

/** Labels that say the same in every series say nothing. @param {any[]} list */
function common(list) {
  const [first, ...rest] = list;
  if (!rest.length) return new Set();
  return new Set(Object.keys(first.labels).filter((k) => k !== '__name__' && rest.every((s) => s.labels[k] === first.labels[k])));
}
