// The gateway's answers and its events. Addresses are relative to the page, so that a path prefix does no harm.

import type { components } from "./schema";

type Schemas = components["schemas"];
/** `JobId` goes over the wire in parts. */
export interface JobId {
  slot: string;
  block_root: string;
  sub_block: string;
  attempt: string;
}
export type JobSummary = Omit<Schemas["JobSummary"], "job"> & { job: JobId };
export type JobDetail = Omit<Schemas["JobDetail"], "job"> & { job: JobId };
export type Assignment = Schemas["Assignment"];
export type Submission = Schemas["SubmissionView"];
export type Prover = Schemas["ProverView"];
export type ProverDetail = Omit<Schemas["ProverDetail"], "duties" | "history"> & {
  duties: (Omit<Schemas["DutyView"], "job"> & { job: JobId })[];
  history: (Omit<Schemas["HistoryView"], "job"> & { job: JobId })[];
};
export interface Entry {
  job: JobId;
  phase: string;
  account: { kind: "prover" | "validator"; index: string };
  reason: string;
  amount: string;
  parameter: string | null;
}
export interface Ledger {
  root: string;
  finalized_root: string;
  finalized_slot: string;
  accounts: { account: Entry["account"]; rewards: string; penalties: string; finalized: string }[];
}
export type Health = Schemas["Health"];
export type Syncing = Schemas["Syncing"];
export type Identity = Schemas["Identity"];
export type Certificate = Schemas["CertificateView"];
export type Reuse = Schemas["JobReuse"];
export type Peers = Schemas["PeersView"];
export type Validators = Schemas["ValidatorsView"];
export interface Evidence {
  equivocations: unknown[];
  wrong_digests: unknown[];
  validators: unknown[];
}

export const TOPICS = ["job", "phase", "holes", "challenge", "submission", "certificate", "peers", "reorg", "finalized", "warning"] as const;
export type Topic = (typeof TOPICS)[number];

export const address = (path: string): URL => new URL(path, document.baseURI);

/** `data` of an answer, or an error with the gateway's sentence. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(address(path), { headers: { accept: "application/json" }, signal: signal ?? null });
  const body: unknown = await answer.json().catch(() => undefined);
  if (!answer.ok && answer.status !== 503) {
    const message = (body as { message?: string } | undefined)?.message ?? answer.statusText;
    throw new Error(`${answer.status}: ${message}`);
  }
  return (body && typeof body === "object" && "data" in body ? body.data : body) as T;
}

type Listener = (topic: Topic) => void;
const listeners = new Set<Listener>();
const watchers = new Set<(connected: boolean) => void>();
let stream: EventSource | undefined;

/** One stream for the whole page; the browser reconnects with the last id it saw, and the gateway replays what was missed. */
function connect(): void {
  if (stream) return;
  stream = new EventSource(address("v1/events"));
  for (const topic of TOPICS) stream.addEventListener(topic, () => listeners.forEach((listener) => listener(topic)));
  stream.onopen = () => watchers.forEach((watcher) => watcher(true));
  stream.onerror = () => {
    watchers.forEach((watcher) => watcher(false));
    if (stream?.readyState === EventSource.CLOSED) {
      stream = undefined;
      setTimeout(connect, 3000);
    }
  };
}

export function onEvent(listener: Listener): () => void {
  connect();
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function onConnection(watcher: (connected: boolean) => void): () => void {
  connect();
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
