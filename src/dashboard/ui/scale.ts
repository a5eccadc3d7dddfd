/** dashboard/ui/scale: where the marks of a chart stand. */

/** A mark that people read easily at or above the highest value: 1, 2, 2.5 or 5 times a power of ten. */
export function niceTop(highest: number): number {
  if (!(highest > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 2, 2.5, 4, 5, 10].find((each) => each * power >= highest) ?? 10;
  return step * power;
}
