// Small parts that several pages use.

import type { ComponentChildren } from "preact";
import { short } from "../format";
import type { Live } from "../live";

export const PHASES = ["t1", "t2", "t3", "t4", "t5"] as const;

/** What became of a request: its error beside what was seen last, or that it is under way. */
export function State({ of }: { of: Live<unknown> }) {
  if (of.error) return <p class="error" role="alert">{of.error}</p>;
  return of.data === undefined ? <p class="quiet">Loading…</p> : null;
}

export function Hash({ value, to }: { value: string; to?: string }) {
  const text = <code title={value}>{short(value)}</code>;
  return to ? <a href={to}>{text}</a> : text;
}

export const proverLink = (pubkey: string): string => `#/provers/${pubkey}`;

export function Badge({ state }: { state: string }) {
  return <span class={`badge ${state}`}>{state.length === 2 ? state.toUpperCase() : state}</span>;
}

export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
