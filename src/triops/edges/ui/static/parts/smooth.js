/** Curves made ready to draw: smoothed, put on an axis, gaps kept. Pure. */

/** @typedef {[number, number|null]} Dot */

/**
 * An exponential moving average that starts without bias, as curves of training are usually shown. A gap stays a gap.
 * @param {Dot[]} dots @param {number} weight 0 leaves them as they are; below 1
 * @returns {Dot[]}
 */
export function smoothed(dots, weight) {
  if (!(weight > 0)) return dots;
  const w = Math.min(weight, 0.999);
  let sum = 0;
  let n = 0;
  return dots.map(([x, y]) => {
    if (y === null || !Number.isFinite(y)) return [x, null];
    sum = sum * w + (1 - w) * y;
    n += 1;
    return [x, sum / (1 - w ** n)];
  });
}

/**
 * A curve's points on the axis asked for. What an axis cannot hold is a gap.
 * @param {[number, number, any][]} points step, unix seconds, value @param {'step'|'time'|'relative'} by @param {{x: boolean, y: boolean}} log
 * @returns {Dot[]}
 */
export function dotsOf(points, by, log) {
  const begin = points.reduce((least, p) => Math.min(least, p[1]), Infinity);
  /** @type {Dot[]} */
  const out = [];
  for (const [step, at, value] of points) {
    const x = by === 'step' ? step : by === 'time' ? at * 1000 : at - begin;
    if (log.x && !(x > 0)) continue;
    const y = typeof value === 'number' && Number.isFinite(value) && !(log.y && value <= 0) ? value : null;
    out.push([x, y]);
  }
  return by === 'step' ? out : out.sort((a, b) => a[0] - b[0]);
}
