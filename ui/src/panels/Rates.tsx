/** How many tasks come, start and end a second, over the last five minutes. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { rate } from "../format.ts";
import { Panel } from "../parts/Panel.tsx";
import { LINES, type Line, RateLog, SPAN_S } from "../rates.ts";
import { Store, useStore } from "../store.ts";
import { feed } from "../stream.ts";
import { isDarkNow } from "../theme.ts";

const HEIGHT = 172;
const DASHES: Record<Line, number[]> = { enqueued: [2, 3], claimed: [7, 4], done: [], failed: [10, 3, 2, 3] }; // not by colour alone
const NAMES: Record<Line, string> = { enqueued: "enqueued", claimed: "started", done: "done", failed: "failed" };

const log = new RateLog(); // outlives the view, so that coming back shows what was
const drawn = new Store(0);

feed.watch(() => {
  const { counts, countsAt } = feed.value;
  if (counts === null || countsAt === drawn.value) return;
  log.add(counts, countsAt);
  drawn.set(countsAt);
});

export function Rates() {
  useStore(drawn);
  return (
    <Panel id="rates" title="Tasks a second" aside={<span class="aside">last 5 minutes</span>}>
      <dl class="legend">
        {LINES.map((line) => (
          <div key={line} data-line={line}>
            <dt>{NAMES[line]}</dt>
            <dd>{log.latest === null ? "–" : rate(log.latest[line])}</dd>
          </div>
        ))}
      </dl>
      <Chart />
    </Panel>
  );
}

function Chart() {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useStore(isDarkNow);

  useEffect(() => {
    const element = place.current!;
    const plot = new uPlot(optionsFor(element), dataOf(log), element);
    const unwatch = drawn.watch(() => plot.setData(dataOf(log)));
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      unwatch();
      plot.destroy();
    };
  }, [isDark]);

  return <div class="chart" ref={place} role="img" aria-label="The rates above, as lines over the last five minutes" />;
}

function dataOf({ samples }: RateLog): uPlot.AlignedData {
  return [samples.map((sample) => sample.at), ...LINES.map((line) => samples.map((sample) => sample[line]))] as uPlot.AlignedData;
}

function optionsFor(element: HTMLElement): uPlot.Options {
  const colour = (name: string) => resolved(element, `var(--${name})`);
  const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: () => [drawn.value / 1_000 - SPAN_S, drawn.value / 1_000] },
      y: { range: (_plot, _least, most) => [0, Math.max(1, (most ?? 0) * 1.15)] },
    },
    axes: [
      { ...axis, size: 26, values: (_plot, seconds) => seconds.map((at) => clockOf(at)), space: 70 },
      { ...axis, size: 46, values: (_plot, rates) => rates.map((value) => (value >= 1_000 ? `${value / 1_000}k` : String(value))) },
    ],
    series: [
      {},
      ...LINES.map((line) => ({
        label: NAMES[line],
        stroke: colour(`line-${line}`),
        width: line === "failed" || line === "done" ? 2 : 1.5,
        dash: DASHES[line],
        points: { show: false },
      })),
    ],
  };
}

/** A colour as the canvas takes it: what stands in a custom property may be light-dark(...). */
function resolved(element: HTMLElement, value: string): string {
  element.style.color = value;
  const found = getComputedStyle(element).color;
  element.style.color = "";
  return found;
}

function clockOf(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}
