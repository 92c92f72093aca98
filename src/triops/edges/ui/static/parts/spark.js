/** A line the size of a word. */

import { svg } from '../dom.js';
import { text } from '../format.js';

/** @param {[number, number|null][]} points @param {{width?: number, height?: number, unit?: string, tone?: string, label?: string, zero?: boolean}} [how] */
export function spark(points, { width = 110, height = 24, unit = '', tone = '', label = 'trend', zero = true } = {}) {
  const known = points.filter((p) => p[1] !== null);
  if (known.length < 2) return svg('svg', { class: 'spark', width, height, 'aria-hidden': 'true' });
  const values = known.map((p) => /** @type {number} */ (p[1]));
  const [low, high] = [Math.min(...(zero ? [0] : []), ...values), Math.max(...values)];
  const [t0, t1] = [points[0][0], points[points.length - 1][0]];
  const x = (/** @type {number} */ t) => 2 + ((t - t0) / (t1 - t0 || 1)) * (width - 5);
  const y = (/** @type {number} */ v) => height - 3 - ((v - low) / (high - low || 1)) * (height - 6);
  let path = '';
  let pen = false;
  for (const [t, v] of points) {
    if (v === null) pen = false;
    else {
      path += `${pen ? 'L' : 'M'}${x(t).toFixed(1)} ${y(v).toFixed(1)}`;
      pen = true;
    }
  }
  const last = known[known.length - 1];
  return svg('svg', { class: ['spark', tone], width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${label}: now ${text(last[1], unit)}, highest ${text(high, unit)}` },
    svg('path', { d: path }), svg('circle', { cx: x(last[0]), cy: y(/** @type {number} */ (last[1])), r: 2 }));
}
