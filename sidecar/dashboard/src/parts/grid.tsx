// Instances × provers on a canvas: 80,000 cells cost one picture, and the page does not move when they change. A keyboard cursor reads any cell out.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Assignment, Entry, JobDetail, Reuse, Submission } from "../api";
import { short } from "../format";

export const STATES = ["free", "assigned", "committed", "proven", "reused", "missed", "blamed"] as const;
export type Cell = (typeof STATES)[number];

export interface Table {
  provers: string[];
  instances: JobDetail["instances"];
  cells: Cell[][];
  /** How many full proofs of others hold a prover's partial proof of an instance. */
  uses: number[][];
}

/** What each prover did for each instance. */
export function table(job: JobDetail, assignments: Assignment[], commitments: Submission[], entries: Entry[], reuse: Reuse | undefined): Table {
  const provers = assignments.map((one) => one.prover);
  const committed = new Map(commitments.map((one) => [one.prover, new Set(one.valid)]));
  const blamed = new Set(entries.filter((one) => one.reason === "wrong_digest").map((one) => one.account.index));
  const uses = useCounts(provers, job.instances.length, reuse);
  const closed = (name: string) => job.phases.some((phase) => phase.phase.toLowerCase() === name && phase.closed_ms != null);
  const [t1, t2] = [closed("t1"), closed("t2")];
  const cells = assignments.map((one, row) => {
    const [commit, prove] = [new Set(one.commit), new Set(one.prove)];
    return job.instances.map((instance, column): Cell => {
      if (uses[row]?.[column]) return "reused";
      if (instance.proven_by.includes(one.prover)) return "proven";
      const mine = commit.has(instance.instance) || prove.has(instance.instance);
      if (mine && blamed.has(one.index)) return "blamed";
      if (prove.has(instance.instance) && t2) return "missed";
      if (committed.get(one.prover)?.has(instance.instance)) return "committed";
      if (commit.has(instance.instance) && t1) return "missed";
      return mine ? "assigned" : "free";
    });
  });
  return { provers, instances: job.instances, cells, uses };
}

/** Whose partial proofs the valid full proofs of others hold. One's own is no reuse. */
function useCounts(provers: string[], instances: number, reuse: Reuse | undefined): number[][] {
  const counts = provers.map(() => new Array<number>(instances).fill(0));
  const rows = new Map(provers.map((prover, row) => [prover, row]));
  for (const full of reuse?.full_proofs ?? []) {
    full.makers.forEach((place, column) => {
      const maker = reuse?.provers[place];
      const row = maker === undefined || maker === full.prover ? undefined : counts[rows.get(maker) ?? -1];
      if (row) row[column] = (row[column] ?? 0) + 1;
    });
  }
  return counts;
}

const side = (count: number): number => (count <= 12 ? 22 : count <= 40 ? 14 : count <= 120 ? 8 : 4);

export function Grid({ table }: { table: Table }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [at, setAt] = useState({ row: 0, column: 0 });
  const [height, width] = [side(table.provers.length), Math.min(side(table.instances.length), 22)];
  const counts = useMemo(() => {
    const sums = new Map<Cell, number>();
    for (const row of table.cells) for (const cell of row) sums.set(cell, (sums.get(cell) ?? 0) + 1);
    return sums;
  }, [table]);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const paint = () => {
      const scale = devicePixelRatio || 1;
      element.width = width * table.instances.length * scale;
      element.height = height * table.provers.length * scale;
      context.scale(scale, scale);
      const style = getComputedStyle(element);
      const colours = new Map(STATES.map((state) => [state, style.getPropertyValue(`--${state}`)]));
      const gap = Math.min(width, height) > 5 ? 1 : 0.5;
      table.cells.forEach((row, y) =>
        row.forEach((cell, x) => {
          context.fillStyle = colours.get(cell) ?? "gray";
          context.fillRect(x * width, y * height, width - gap, height - gap);
        }),
      );
      context.strokeStyle = style.getPropertyValue("--text");
      context.lineWidth = 1.5;
      context.strokeRect(at.column * width, at.row * height, width - gap, height - gap);
    };
    paint();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", paint);
    return () => dark.removeEventListener("change", paint);
  }, [table, at, width, height]);

  const move = (rows: number, columns: number) =>
    setAt(({ row, column }) => ({
      row: Math.min(table.provers.length - 1, Math.max(0, row + rows)),
      column: Math.min(table.instances.length - 1, Math.max(0, column + columns)),
    }));
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1e9], End: [0, 1e9] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    move(...step);
  };
  const onPointerMove = (event: PointerEvent) =>
    setAt({
      row: Math.min(table.provers.length - 1, Math.max(0, Math.floor(event.offsetY / height))),
      column: Math.min(table.instances.length - 1, Math.max(0, Math.floor(event.offsetX / width))),
    });

  const instance = table.instances[at.column];
  const cell = table.cells[at.row]?.[at.column];
  const uses = table.uses[at.row]?.[at.column] ?? 0;
  return (
    <figure class="grid">
      <figcaption>
        <ul class="legend">
          {STATES.map((state) => (
            <li key={state}>
              <span class={`swatch ${state}`} aria-hidden="true" /> {state} <span class="quiet">{counts.get(state) ?? 0}</span>
            </li>
          ))}
        </ul>
        <p class="reading" aria-live="polite">
          {instance && cell ? (
            <>
              {instance.air} {instance.index}, prover {short(table.provers[at.row] ?? "")}: {cell}
              {uses > 0 && ` by ${uses} full ${uses === 1 ? "proof" : "proofs"}`}
            </>
          ) : (
            "No plan yet"
          )}
        </p>
      </figcaption>
      <div class="scroll" tabIndex={-1}>
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={`${table.provers.length} provers by ${table.instances.length} instances: ${[...counts].map(([state, count]) => `${count} ${state}`).join(", ")}. Arrow keys read out cells.`}
          style={{ width: `${width * table.instances.length}px`, height: `${height * table.provers.length}px` }}
          onKeyDown={onKeyDown}
          onPointerMove={onPointerMove}
        />
      </div>
    </figure>
  );
}
